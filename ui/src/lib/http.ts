// SPDX-License-Identifier: Apache-2.0
// Requests to the API. A failure is always an ApiError with a sentence for a person; whoever asked decides
// where to show it. Every change carries the session's CSRF token.
import type { ErrorBody } from '../api';

const BASE = '/api/v1';
let csrf = '';
let onLost: () => void = () => undefined;

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly at: number | null = null,
    readonly retryS: number | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export function setCsrf(token: string): void {
  csrf = token;
}
/** `handler` runs when the server no longer knows the session. */
export function onSessionLost(handler: () => void): void {
  onLost = handler;
}

export type Query = Record<string, string | number | null | undefined>;

export function withQuery(path: string, query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== null && value !== undefined && value !== '') params.set(name, String(value));
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

async function failure(response: Response): Promise<ApiError> {
  let body: { error?: Partial<ErrorBody> } = {};
  try {
    body = (await response.json()) as typeof body;
  } catch {
    /* not from the API: a proxy's page, or cut off */
  }
  const e = body.error;
  const retry = e?.retry_s ?? Number(response.headers.get('Retry-After') ?? NaN);
  return new ApiError(response.status, e?.code ?? `http_${response.status}`, e?.message ?? '', e?.at ?? null,
    Number.isFinite(retry) ? retry : null);
}

export async function request<T>(method: string, path: string, body?: unknown, signal?: AbortSignal | null): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && csrf) headers['X-CSRF'] = csrf;
  let response: Response;
  try {
    response = await fetch(BASE + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
    });
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e;
    throw new ApiError(0, 'unreachable', '');
  }
  if (!response.ok) {
    const error = await failure(response);
    if (response.status === 401 && !path.startsWith('/login') && path !== '/session') onLost();
    throw error;
  }
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export const get = <T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> =>
  request<T>('GET', withQuery(path, query), undefined, signal ?? null);
export const post = <T>(path: string, body: unknown = {}): Promise<T> => request<T>('POST', path, body);
export const put = <T>(path: string, body: unknown): Promise<T> => request<T>('PUT', path, body);
export const patch = <T>(path: string, body: unknown): Promise<T> => request<T>('PATCH', path, body);
export const del = (path: string): Promise<void> => request<void>('DELETE', path);
export const segment = (id: string | number): string => encodeURIComponent(String(id));
