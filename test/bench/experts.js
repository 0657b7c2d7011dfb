// How often the scripted experts succeed, on start poses that nothing was tuned on.
//
//   node test/bench/experts.js [--setting still|varied|shaken] [--poses 500] [--first-seed 5000] [--json FILE]
//
// Both tasks, two workers, through the limits of the control loop. `still` is the plain script, `varied` has noise on
// waypoints and timing, `shaken` also shakes open hands. A success is an episode that ever has reward 4; `final` counts those that end with it.
import { writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { EPISODE_STEPS, MAX_REWARD, TASKS } from '#alohad/contract/task.js';
import { Limits } from '#alohad/control/limits.js';
import { wilson } from '#alohad/learning/statistics.js';
import { insertionExpert } from '#alohad/simulation/experts/insertion.js';
import { transferCubeExpert } from '#alohad/simulation/experts/transferCube.js';
import { SimRobot } from '#alohad/simulation/simRobot.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';

const EXPERTS = { insertion: insertionExpert, transfer_cube: transferCubeExpert };
const STILL = { seed: 0, positionM: 0, timing: 0 };
const VARIED = { seed: 1, positionM: 0.01, timing: 0.1 };
const SETTINGS = {
  still: { noise: STILL, shake: 0 },
  varied: { noise: VARIED, shake: 0 },
  shaken: { noise: VARIED, shake: 0.01 },
};

async function work({ condition: { task, noise, shake }, seeds }) {
  const robot = new SimRobot({ task, shake });
  await robot.connect();
  await robot.activate();
  const expert = EXPERTS[task](noise);
  const limits = new Limits();
  for (const seed of seeds) {
    robot.reset(sampleStartPose(task, seed));
    expert.reset();
    limits.reset();
    let first;
    let reward = 0;
    for (let step = 0; step < EPISODE_STEPS; step += 1) {
      const observation = robot.observe();
      limits.send(robot, observation, expert.decide(observation));
      reward = robot.reward();
      if (reward === MAX_REWARD) first ??= step;
    }
    parentPort.postMessage({ seed, first, final: reward });
  }
  await robot.disconnect();
}

async function measure(condition, seeds) {
  const episodes = [];
  const workers = [0, 1].map((half) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { condition, seeds: seeds.filter((_, i) => i % 2 === half) },
    });
    worker.on('message', (episode) => episodes.push(episode));
    return once(worker, 'exit');
  });
  await Promise.all(workers);
  const solved = episodes.filter(({ first }) => first !== undefined);
  const times = solved.map(({ first }) => first).toSorted((a, b) => a - b);
  const rate = (count) => {
    const { low, high } = wilson(count, episodes.length);
    return { count, rate: count / episodes.length, wilson95: [low, high] };
  };
  return {
    ...condition,
    episodes: episodes.length,
    success: rate(solved.length),
    final: rate(episodes.filter(({ final }) => final === MAX_REWARD).length),
    firstSuccessStep: { median: times[Math.floor(times.length / 2)], last: times.at(-1) },
    failedSeeds: episodes
      .filter(({ first }) => first === undefined)
      .map(({ seed }) => seed)
      .toSorted((a, b) => a - b),
  };
}

async function main() {
  const { values } = parseArgs({
    options: {
      setting: { type: 'string', default: 'still' },
      poses: { type: 'string', default: '500' },
      'first-seed': { type: 'string', default: '5000' },
      json: { type: 'string' },
    },
  });
  const firstSeed = Number(values['first-seed']);
  const seeds = Array.from({ length: Number(values.poses) }, (_, i) => firstSeed + i);
  const command = `node test/bench/experts.js --setting ${values.setting} --poses ${values.poses} --first-seed ${firstSeed}`;
  const results = [];
  for (const task of TASKS) {
    const result = await measure({ task, ...SETTINGS[values.setting] }, seeds);
    results.push(result);
    const { noise, shake, success, final, episodes } = result;
    const interval = success.wilson95.map((x) => (100 * x).toFixed(1)).join(' to ');
    console.log(
      `${task}, waypoints +-${noise.positionM} m, timing +-${100 * noise.timing} %, shake ${shake} rad: ` +
        `${success.count} of ${episodes} (${interval} %), ${final.count} at the end`,
    );
    if (values.json)
      writeFileSync(
        values.json,
        `${JSON.stringify({ command, seeds: [seeds[0], seeds.at(-1)], results }, null, 2)}\n`,
      );
  }
}

await (isMainThread ? main() : work(workerData));
