// SPDX-License-Identifier: Apache-2.0
// Every screen and how to get there, from what the master has.

/** The id of the first finding of a kind, by the API with the page's own session. */
export async function firstIds(page) {
  return page.evaluate(async () => {
    const get = async (path) => (await fetch(`/api/v1${path}`)).json();
    const incidents = (await get('/incidents?state=all&limit=50')).incidents;
    const incident = [...incidents].sort((a, b) => b.score - a.score)[0];
    const detail = incident ? await get(`/incidents/${incident.id}`) : null;
    const device = detail?.devices[0]?.id ?? (await get('/devices?limit=1')).devices[0]?.id;
    return { incident: incident?.id, breach: detail?.timeline[0]?.id, device };
  });
}

export function screens(ids) {
  return [
    ['overview', '/'],
    ['incidents', '/incidents'],
    ['incidents-all', '/incidents?state=all'],
    ...(ids.incident ? [['incident', `/incidents/${ids.incident}`]] : []),
    ...(ids.breach ? [['breach', `/breaches/${ids.breach}`]] : []),
    ['devices', '/devices'],
    ...(ids.device ? [['device', `/devices/${ids.device}`]] : []),
    ['search', '/search?from=-30d'],
    ['search-error', '/search?q=(ip:'],
    ['status', '/status'],
    ...['sensors', 'tokens', 'settings', 'users', 'sessions', 'audit', 'account'].map((tab) => [`config-${tab}`, `/config/${tab}`]),
    ['nowhere', '/nowhere'],
  ];
}
