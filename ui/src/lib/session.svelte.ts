// SPDX-License-Identifier: Apache-2.0
// Who is logged in, and what they may do. Rights only hide what would be refused anyway.
import type { Right, Session } from '../api';
import { ApiError, del, get, onSessionLost, setCsrf } from './http';
import { live } from './live.svelte';

class SessionState {
  value = $state.raw<Session | null>(null);
  known = $state(false);
  error = $state.raw<unknown>(null);
  expired = $state(false);

  constructor() {
    onSessionLost(() => {
      if (!this.value) return;
      this.expired = true;
      this.#clear();
    });
  }

  async refresh(): Promise<void> {
    this.error = null;
    try {
      this.value = await get<Session>('/session');
      setCsrf(this.value.csrf);
      this.expired = false;
      live.start();
    } catch (e) {
      this.#clear();
      if (!(e instanceof ApiError && e.status === 401)) this.error = e;
    }
    this.known = true;
  }

  async logout(): Promise<void> {
    await del('/session');
    this.#clear();
  }

  #clear(): void {
    this.value = null;
    setCsrf('');
    live.stop();
  }

  may(right: Right): boolean {
    return this.value?.rights.includes(right) ?? false;
  }
}
export const session = new SessionState();
