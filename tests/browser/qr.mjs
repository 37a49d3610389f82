// SPDX-License-Identifier: Apache-2.0
// Reads a QR code from the screen, as a phone would: from the pixels of what was drawn.
import jsqrModule from 'jsqr';
import { PNG } from 'pngjs';

const jsqr = jsqrModule.default ?? jsqrModule;

export async function readCode(locator) {
  const png = PNG.sync.read(await locator.screenshot());
  return jsqr(new Uint8ClampedArray(png.data), png.width, png.height)?.data ?? null;
}
