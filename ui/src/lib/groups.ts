// SPDX-License-Identifier: Apache-2.0
// What a whole group did in one hour, in the UI's language.
import type { GroupEventShort } from '../api';
import { cut } from './format';
import { t, tName } from './i18n.svelte';
import { featureName } from './names';
import { when, whenEnds } from './show.svelte';

/** "38 of 172 clients sent more to outside than usual between 10:00 and 11:00; 36 had to do with update.example" */
export function groupSentence(e: GroupEventShort): string {
  const did = tName('group.did', e.feature, t('group.other', { feature: featureName(e.feature) }));
  const params = { count: e.did, of: e.of, did, from: when(e.start), to: whenEnds(e.start, e.end) };
  const text = e.group === 'server' ? t('group.sentence.server', params) : t('group.sentence.client', params);
  const [shared] = e.shared;
  if (!shared) return text;
  return t(`group.shared.${shared.kind}`, { text, n: shared.devices, what: cut(shared.text, 120) });
}
