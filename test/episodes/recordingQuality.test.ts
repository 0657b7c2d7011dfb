/** Episodes in real time are measured and judged; those that are unfit say why, and nobody learns from them. */
import { afterEach, describe, expect, it } from 'vitest';
import { EpisodeStore } from '#alohad/episodes/episodeStore.js';
import { EpisodeError } from '#alohad/contract/errors.js';
import { readHeader } from '#alohad/episodes/readEpisode.js';
import { Recorder, type RecordedCameras } from '#alohad/episodes/recorder.js';
import { QualityMeter, rejectionOf } from '#alohad/episodes/recordingQuality.js';
import { loadEpisodes } from '#alohad/learning/loadEpisodes.js';
import { alohad } from '../cli/alohad.js';
import { exampleStep, INFO, temporaryFolder } from './exampleEpisode.js';

/** A camera's frames, as a loop at `hz` sees them. */
function metered(steps: number, hz: number, sequenceAt: (step: number) => number) {
  const meter = new QualityMeter(['cam_high']);
  for (let step = 0; step < steps; step++) {
    const nowMs = 1000 + (step * 1000) / hz;
    meter.frame('cam_high', sequenceAt(step), nowMs - 12, nowMs);
    meter.step(nowMs);
  }
  return meter.report(0);
}

describe('quality', () => {
  it('is rate, jitter, ages and still times, as they were', () => {
    const quality = metered(101, 50, (step) => Math.floor(step / 2));
    expect(quality.rateHz).toBeCloseTo(50);
    expect(quality.period.p50Ms / 20).toBeCloseTo(1, 1);
    expect(quality.period.maxMs).toBeCloseTo(20);
    const { frames, dropped, stillMs, age } = quality.cameras['cam_high']!;
    expect([frames, dropped]).toEqual([51, 0]);
    expect(stillMs).toBeCloseTo(20);
    expect(age.maxMs).toBeCloseTo(12);
    expect(rejectionOf(quality)).toBeUndefined();
  });

  it.each([
    ['too slow', metered(101, 44, (step) => step), /^44.0 steps a second, 45 are needed$/],
    ['just fast enough', metered(101, 45.1, (step) => step), undefined],
    [
      'frozen for 0.6 s',
      metered(101, 50, (step) => (step < 30 ? step : Math.max(30, step - 30))),
      /frozen for 0.6 s/,
    ],
    ['still for 0.4 s', metered(101, 50, (step) => (step < 30 ? step : Math.max(30, step - 20))), undefined],
    ['without a frame', new QualityMeter(['cam_low']).report(0), /cam_low showed nothing/],
    ['with missing steps', new QualityMeter([]).report(3), /3 steps are missing/],
  ])('%s: judged', (_, quality, reason) => {
    if (reason) expect(rejectionOf(quality)).toMatch(reason);
    else expect(rejectionOf(quality)).toBeUndefined();
  });
});

describe('a recorded episode', () => {
  const folder = temporaryFolder();
  let recorder: Recorder | undefined;
  afterEach(async () => recorder?.close());

  /** Steps come as fast as they can, from a camera whose frames are all one. */
  async function record(name: string, realTime: boolean) {
    const cameras: RecordedCameras = {
      source: {
        cameras: ['cam_high'],
        capture: () => ({ sequence: 7, timeMs: performance.now() }),
      },
      requests: [{ camera: 'cam_high', width: 8, height: 8 }],
      encoderModule: new URL('./rawEncoder.mjs', import.meta.url).href,
    };
    recorder = new Recorder({ cameras, environmentSize: exampleStep(0).environmentState.length });
    await recorder.begin({ folder: folder(), name, info: INFO, realTime });
    for (const step of [0, 1]) {
      const { action, reward, ...observation } = exampleStep(step);
      recorder.onStep({
        observation: { step, ...observation },
        action,
        goal: action,
        reward,
        beganMs: 0,
        lateMs: 0,
      });
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    return await recorder.finish();
  }

  it('in real time is rejected for a frozen camera; list and info say why, and it is not learned from', async () => {
    const { path, outcome } = await record('frozen', true);
    expect(outcome.rejected).toContain('cam_high was frozen for');
    expect(readHeader(path).outcome).toEqual(outcome);
    expect((await alohad(['episodes', 'list', folder()])).stdout).toContain('cam_high was frozen for');
    const info = JSON.parse((await alohad(['episodes', 'info', path])).stdout);
    expect(info.outcome).toMatchObject({
      rejected: outcome.rejected,
      quality: { droppedSteps: 0, cameras: { cam_high: { frames: 1 } } },
    });
    const store = EpisodeStore.open(folder());
    store.setLabel('frozen', true, '');
    const choice = { task: INFO.task };
    expect(() => loadEpisodes(store, choice)).toThrow(EpisodeError);
    expect(() => loadEpisodes(store, choice)).toThrow(/1 are rejected/);
    expect(loadEpisodes(store, { ...choice, onlyFit: false })).toHaveLength(1);
  });

  it('as fast as the simulation can has no clock to be judged by', async () => {
    const { outcome } = await record('fast', false);
    expect(outcome).not.toHaveProperty('quality');
    expect(outcome).not.toHaveProperty('rejected');
  });
});
