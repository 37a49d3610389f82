// SPDX-License-Identifier: Apache-2.0
// Every screen and how to get there, from what the master has.

/**
 * An incident, a breach of it that has a peer and was measured against something, and the breach's device, by the API
 * with the page's own session. Of those that fit, the highest score; which one that is does not matter to any test.
 */
export async function chosenIds(page) {
  return page.evaluate(async () => {
    const get = async (path) => (await fetch(`/api/v1${path}`)).json();
    const byScore = (a, b) => b.score - a.score || (a.id < b.id ? -1 : 1);
    const { incidents } = await get('/incidents?state=all&limit=200');
    for (const incident of incidents.sort(byScore)) {
      const { timeline } = await get(`/incidents/${incident.id}`);
      for (const { id } of timeline.filter((b) => b.peer).sort(byScore)) {
        const breach = await get(`/breaches/${id}`);
        if (breach.evidence.some((e) => e.observed !== null && e.expected !== null))
          return { incident: incident.id, breach: id, device: breach.device.id };
      }
    }
    return {};
  });
}

export function screens(ids) {
  return [
    ['overview', '/'],
    ['incidents', '/incidents'],
    ['incidents-all', '/incidents?state=all'],
    ['incident', `/incidents/${ids.incident}`],
    ['breach', `/breaches/${ids.breach}`],
    ['devices', '/devices'],
    ['device', `/devices/${ids.device}`],
    ['search', '/search?from=-30d'],
    ['search-error', '/search?q=(ip:'],
    ['packets', '/packets'],
    ['status', '/status'],
    ...['sensors', 'tokens', 'settings', 'permits', 'users', 'sessions', 'audit', 'account'].map((tab) => [`config-${tab}`, `/config/${tab}`]),
    ['nowhere', '/nowhere'],
  ];
}
