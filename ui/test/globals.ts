// SPDX-License-Identifier: Apache-2.0
// What a browser has and node has not; and a clock that ticks for a screen does not keep a test alive.
const every = globalThis.setInterval;
globalThis.setInterval = ((...args: Parameters<typeof every>) => every(...args).unref()) as typeof every;
Object.defineProperty(globalThis, 'navigator', { value: { languages: ['en'] }, configurable: true });
export {};
