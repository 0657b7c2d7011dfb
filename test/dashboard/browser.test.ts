/** The dashboard in the distribution's Chromium, as a person uses it. Skipped, and says so, where there is none. */
import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServedDaemon } from '../daemon/servedDaemon.js';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
if (CHROMIUM === undefined)
  process.stderr.write('SKIPPED: no Chromium; apt-get install chromium runs the dashboard test\n');

const PATIENCE = { timeout: 120_000 };

describe.skipIf(CHROMIUM === undefined)('the dashboard', () => {
  let daemon: ServedDaemon;
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];

  beforeAll(async () => {
    daemon = await ServedDaemon.start();
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] });
    page = await browser.newPage({ viewport: { width: 900, height: 700 } });
    page.setDefaultTimeout(PATIENCE.timeout);
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(daemon.url, { waitUntil: 'domcontentloaded' });
    await shows('#arms', 'holding');
  }, 300_000);
  afterAll(async () => {
    await browser.close();
    await daemon.stop();
  });

  async function shows(selector: string, text: string): Promise<void> {
    await page.locator(selector, { hasText: text }).first().waitFor({ state: 'attached' });
  }
  /** Without waiting for the page to stand still, which a live page never does. */
  async function press(name: string): Promise<void> {
    await page.getByRole('button', { name, exact: true }).dispatchEvent('click');
  }

  it('shows every camera, and why a backend cannot be chosen', async () => {
    await page.waitForFunction(
      'document.querySelectorAll("#cameras img").length === 4 && ' +
        '[...document.querySelectorAll("#cameras img")].every((image) => image.naturalWidth > 0)',
      undefined,
      PATIENCE,
    );
    const real = page.getByRole('button', { name: 'real', exact: true });
    expect(await real.isDisabled()).toBe(true);
    expect(await real.getAttribute('title')).toContain('has no bus follower_left');
  });

  it('starts a trial, which the space bar stops; nothing moves until the stop is cleared', async () => {
    await page.locator('#policy').fill('script');
    await press('trial');
    await shows('#arms', 'active');
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('Space');
    await shows('#stop', 'CLEAR STOP');
    await shows('#arms', 'stopped');
    await press('trial');
    await shows('#events', 'clear the emergency stop');
    await press('CLEAR STOP');
    await shows('#line', 'cleared the emergency stop');
  });

  it('finds a daemon that was started anew', async () => {
    const { port } = daemon;
    await daemon.stop();
    await shows('#link', 'not connected');
    daemon = await ServedDaemon.start([], port);
    await shows('#arms', 'holding');
    expect(faults).toEqual([]);
  });
});
