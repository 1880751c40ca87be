import { existsSync } from 'node:fs';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser's program: that of TEST_CHROMIUM, or where Debian and others put it. */
export function findChromium(): string | undefined {
  return process.env['TEST_CHROMIUM'] ?? PLACES.find(existsSync);
}
