// SPDX-License-Identifier: Apache-2.0
import { ApiError } from './http';
import { t, type Key } from './i18n.svelte';

const KNOWN: Record<string, Key> = {
  unreachable: 'error.unreachable',
  http_403: 'error.forbidden',
  http_404: 'error.notFound',
  http_413: 'error.tooMuch',
  http_408: 'error.tooLong',
  http_500: 'error.server',
  http_502: 'error.server',
  http_503: 'error.busy',
};

/** A sentence for any failure: the server's own, or one of ours when there is none. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.message) return error.message;
    return t(KNOWN[error.code] ?? KNOWN[`http_${error.status}`] ?? 'error.unknown');
  }
  return t('error.unknown');
}
