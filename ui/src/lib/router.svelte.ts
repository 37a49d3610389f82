// SPDX-License-Identifier: Apache-2.0
// Paths to screens. The URL is the state that survives: what a screen shows can be sent to a colleague.
class Router {
  path = $state(location.pathname);
  query = $state.raw(new URLSearchParams(location.search));
  /** Counts moves to another path: the focus goes to the new heading then. */
  moves = $state(0);

  constructor() {
    addEventListener('popstate', () => this.#read());
    document.addEventListener('click', (e) => this.#click(e));
  }

  #read(): void {
    if (this.path !== location.pathname) this.moves++;
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }

  go(url: string, { replace = false }: { replace?: boolean } = {}): void {
    if (url === location.pathname + location.search) return;
    const samePath = url.split('?')[0] === location.pathname;
    if (replace) history.replaceState(null, '', url);
    else history.pushState(null, '', url);
    this.#read();
    if (!samePath) scrollTo(0, 0);
  }

  /** Sets or (null) removes parameters of the current path. */
  set(changes: Record<string, string | null>, options: { replace?: boolean } = {}): void {
    const query = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === '') query.delete(name);
      else query.set(name, value);
    }
    const text = query.toString();
    this.go(text ? `${this.path}?${text}` : this.path, options);
  }

  #click(e: MouseEvent): void {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    const a = e.target instanceof Element ? e.target.closest('a') : null;
    if (!a || a.target || a.hasAttribute('download') || a.origin !== location.origin) return;
    if (a.pathname.startsWith('/api/') || (a.hash && a.pathname === location.pathname)) return;
    e.preventDefault();
    this.go(a.pathname + a.search);
  }
}
export const router = new Router();
