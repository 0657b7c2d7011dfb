/** The page in Chromium in front of a daemon that tells what the simulation never would: servos, a fine-tuning run. */
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiServer } from '#alohad/api/apiServer.js';
import type { DaemonState } from '#alohad/contract/apiState.js';
import { pageFile } from '#alohad/dashboard/pageFiles.js';
import { serveFake, type FakeDaemon } from '../api/fakeDaemon.js';
import { CHROMIUM } from './chromium.js';

const SERVO = { voltageV: 12.1, error: '', timeouts: 0, crcErrors: 0, retries: 0 };
const TOLD: Partial<DaemonState> = {
  servos: [
    { ...SERVO, arm: 'follower_left', id: 1, joint: 'waist', temperatureC: 41, effort: -0.12 },
    { ...SERVO, arm: 'follower_left', id: 2, joint: 'shoulder', temperatureC: 68, effort: 0.9 },
    { ...SERVO, arm: 'follower_left', id: 3, joint: 'shoulder_shadow', temperatureC: null, effort: null },
    {
      ...SERVO,
      arm: 'follower_right',
      id: 9,
      joint: 'gripper',
      temperatureC: 52,
      effort: 0.4,
      error: 'overload',
      timeouts: 3,
      crcErrors: 1,
      retries: 4,
    },
  ],
  learning: {
    folder: 'runs/night',
    rollouts: 60,
    success: Array.from({ length: 60 }, (_, i) => 0.4 + i / 120),
    evaluations: [{ rollouts: 50, successes: 40, episodes: 50, wilson95: [0.67, 0.89], promoted: true }],
  },
  run: {
    source: 'policies/insertion',
    wanted: 4,
    done: 3,
    judged: 3,
    successes: 2,
    wilson95: [0.21, 0.94],
    episodes: [4, 4, 1].map((maxReward, seed) => ({ seed, maxReward, success: maxReward === 4 })),
  },
};

describe.skipIf(CHROMIUM === undefined)('the dashboard', () => {
  let browser: Browser;
  let page: Page;
  let server: ApiServer;
  let daemon: FakeDaemon;

  beforeAll(async () => {
    ({ server, daemon } = await serveFake({ page: pageFile }));
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] });
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.port}/`, { waitUntil: 'domcontentloaded' });
    await page.locator('#servoFacts', { hasText: 'no servos' }).waitFor();
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
  });

  const painted = async (id: string): Promise<number> =>
    await page.evaluate<number>(`(() => {
      const canvas = document.getElementById('${id}');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, i) => i % 4 === 3 && value > 0).length;
    })()`);

  it('shows servos, curves and scores as soon as they are told', async () => {
    const before = { learning: await painted('learning'), interval: await painted('interval') };
    daemon.state = { ...daemon.state, ...TOLD };
    server.changed();
    await page.locator('#servoFacts', { hasText: '1 of 4 report an error' }).waitFor();
    const cells = await page.locator('#servos tr').allInnerTexts();
    expect(cells.map((text) => text.split('\t').map((cell) => cell.trim()))).toEqual([
      ['follower_left', 'temperature', 'effort', 'link', 'error'],
      ['waist', '41 °C', '-12 %', 'clean', 'none'],
      ['shoulder', '68 °C', '90 %', 'clean', 'none'],
      ['shoulder shadow', '–', '–', 'clean', 'none'],
      ['follower_right', 'temperature', 'effort', 'link', 'error'],
      ['gripper', '52 °C', '40 %', '3 lost, 1 damaged, 4 again', 'overload'],
    ]);
    expect(await page.locator('#servos .meter.bad').count()).toBe(2);
    expect(await page.locator('#learnedFacts').innerText()).toContain('60 roll-outs');
    expect(await page.locator('#learnedFacts').innerText()).toContain('the last 40 of 50');
    expect(await page.locator('#score').innerText()).toBe('67 % succeeded');
    expect(await page.locator('#scored').innerText()).toBe(
      '2 of 3 episodes (4 wanted); 95 % interval 21 % to 94 %',
    );
    expect(await page.locator('#dots i.good').count()).toBe(2);
    expect(await painted('learning')).toBeGreaterThan(before.learning + 500);
    expect(await painted('interval')).toBeGreaterThan(before.interval + 500);
  });
});
