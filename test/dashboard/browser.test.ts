/** The dashboard in the distribution's Chromium, as a person uses it. Skipped, and says so, where there is none. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServedDaemon, writeRigOfBoth } from '../daemon/servedDaemon.js';
import { CHROMIUM } from './chromium.js';

const PATIENCE = { timeout: 120_000 };

describe.skipIf(CHROMIUM === undefined)('the dashboard', () => {
  let folder: string;
  let options: string[];
  let daemon: ServedDaemon;
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'alohad-browser-'));
    options = ['--rig', writeRigOfBoth(folder)];
    daemon = await ServedDaemon.start(options);
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
    rmSync(folder, { recursive: true, force: true });
  });

  async function shows(selector: string, text: string): Promise<void> {
    await page.locator(selector, { hasText: text }).first().waitFor({ state: 'attached' });
  }
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  /** Without waiting for the page to stand still, which a live page never does. */
  async function press(name: string): Promise<void> {
    await button(name).first().dispatchEvent('click');
  }
  const inView = async (): Promise<boolean> => {
    const box = await button('STOP').boundingBox();
    const { width, height } = page.viewportSize()!;
    return (
      box !== null && box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height
    );
  };

  it('shows every camera, and why a backend cannot be chosen', async () => {
    await page.waitForFunction(
      'document.querySelectorAll("#cameras img").length === 4 && ' +
        '[...document.querySelectorAll("#cameras img")].every((image) => image.naturalWidth > 0)',
      undefined,
      PATIENCE,
    );
    expect(await button('ros').isDisabled()).toBe(true);
    expect(await button('ros').getAttribute('title')).toContain('ROS 2');
  });

  it('has its stop button in view wherever it is scrolled, also on a narrow screen', async () => {
    for (const width of [900, 360]) {
      await page.setViewportSize({ width, height: 700 });
      for (const top of [0, 1e6]) {
        await page.evaluate(`scrollTo(0, ${top})`);
        expect(await inView()).toBe(true);
      }
    }
    await page.setViewportSize({ width: 900, height: 700 });
  });

  it('starts a trial, which the space bar stops; nothing moves until the stop is cleared', async () => {
    await page.locator('#policy').fill('script');
    await press('trial');
    await shows('#arms', 'active');
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('Space');
    await shows('#stop', 'STOPPED');
    await shows('#arms', 'stopped');
    await press('trial');
    await shows('#events', 'clear the emergency stop');
    await press('clear the stop');
    await shows('#line', 'cleared the emergency stop');
  });

  it('limits the speed of the arms, and shows what the daemon refuses', async () => {
    const limit = page.getByLabel('speed limit');
    const shown = async (text: string): Promise<void> => {
      await page.waitForFunction(
        `document.querySelector('#velocity').value === '${text}'`,
        undefined,
        PATIENCE,
      );
    };
    await limit.fill('0.5');
    await limit.press('Enter');
    await shows('#line', 'no joint goes faster than 0.50 rad/s');
    await shown('0.50');
    await limit.fill('7');
    await limit.press('Enter');
    await shows('#events', 'Too big');
    await shown('0.50');
    await limit.fill('3.14');
    await limit.press('Enter');
    await shows('#line', 'no joint goes faster than 3.14 rad/s');
  });

  it('moves emulated servos after a change of backend, which its button stops', async () => {
    await press('emulated');
    await shows('#link', 'emulated');
    await shows('#arms', 'holding');
    await press('trial');
    await shows('#arms', 'active');
    await press('STOP');
    await shows('#stop', 'STOPPED');
    await shows('#arms', 'stopped');
    await press('clear the stop');
    await shows('#line', 'cleared the emergency stop');
    await press('sim');
    await shows('#link', 'sim');
    await shows('#arms', 'holding');
  });

  it('lists a recorded episode, which a person labels', async () => {
    await page.locator('#episodes').fill('1');
    expect(await button('end here').isVisible()).toBe(false);
    await press('record');
    await button('end here').waitFor();
    await shows('#list', 'seed_0000000');
    const verdict = page.locator('#list [data-verdict]');
    expect(await verdict.getAttribute('data-verdict')).toBe('success');
    await page.waitForFunction(
      'document.querySelector("#list img")?.naturalWidth > 100',
      undefined,
      PATIENCE,
    );
    await page.locator('#list input').fill('by hand');
    await press('failure');
    await page.locator('#list [data-verdict=failure]').waitFor({ state: 'attached' });
    await shows('#list [data-verdict=failure]', 'by hand');
    await press('success');
    await page.locator('#list [data-verdict=success]').waitFor({ state: 'attached' });
    expect(await page.locator('#list input').inputValue()).toBe('by hand');
  }, 180_000);

  it('leaves the cursor in a note that a person writes while another episode is recorded', async () => {
    const note = page.getByLabel('note on seed_0000000', { exact: true });
    await note.fill('half a sen');
    await press('record');
    await shows('#list', 'seed_0000000_2');
    await page.keyboard.type('tence');
    expect(await note.inputValue()).toBe('half a sentence');
  }, 180_000);

  it('finds a daemon that was started anew', async () => {
    const { port } = daemon;
    await daemon.stop();
    await shows('#link', 'not connected');
    daemon = await ServedDaemon.start(options, port);
    await shows('#arms', 'holding');
    expect(faults).toEqual([]);
  });
});
