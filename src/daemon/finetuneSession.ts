/** What happens around the loop of a fine-tuning run: folder, evaluations and deployments. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { StorageError } from '../contract/errors.js';
import type { Rollout } from '../contract/rollout.js';
import { MAX_REWARD, type StartPose } from '../contract/task.js';
import {
  type CheckpointContent,
  checkpointName,
  checkpointSteps,
  readTrainerState,
  writeCheckpoint,
} from '../learning/checkpointFolder.js';
import type { LearningReport } from '../learning/finetune/actor.js';
import { CollapseWatch, type Outcomes, deploy, judgeCandidate } from '../learning/finetune/deployment.js';
import type { RunHooks, RunState } from '../learning/finetune/finetune.js';
import type { FinetuneConfig } from '../learning/finetune/finetuneConfig.js';
import { type LoggedRollout, RolloutLog } from '../learning/finetune/rolloutLog.js';
import { wilson } from '../learning/statistics.js';
import { verifyModel } from '../learning/verifyModel.js';
import type { Weight } from '../network/actParameters.js';
import { buildPolicyModel } from '../network/policyModel.js';
import { encodeSafetensors } from '../network/safetensors.js';
import { loadCheckpoint } from '../policy/checkpoint.js';
import { FIRST_TRAINING_SEED, readPool, sampleStartPose } from '../simulation/startPoses.js';
import type { Parts } from './finetuneParts.js';
import type { FinetuneRequest } from './finetuneRequest.js';
import {
  ALGORITHM_FILE,
  LOOP_FILE,
  type OpenRun,
  RUN_FILE,
  SEEDS_PER_RUN,
  type StoredEvaluation,
  evaluationSchema,
} from './finetuneRun.js';
import { version } from './parts.js';
import type { RunListener } from './runListener.js';

/**
 * Longest median answer of a deployed policy on one core [ms]: five control periods, by which its chunks are entered
 * late. Beside a run that uses all cores an idle machine's time is several times shorter.
 */
const LATENCY_LIMIT_MS = 100;
const LATENCY_RUNS = 30;

/** The run's folder, evaluations and deployments: what happens around the loop. */
export class FinetuneSession implements RunHooks {
  readonly log: RolloutLog;
  readonly evaluations: StoredEvaluation[];
  readonly #request: FinetuneRequest;
  readonly #config: FinetuneConfig;
  readonly #folder: string;
  readonly #parts: Parts;
  readonly #listener: RunListener;
  readonly #poses: readonly StartPose[];
  readonly #began = performance.now();
  readonly #watch = new CollapseWatch();
  #deployed: Outcomes | undefined;

  constructor(
    request: FinetuneRequest,
    config: FinetuneConfig,
    run: OpenRun,
    parts: Parts,
    listener: RunListener,
  ) {
    this.log = run.log;
    this.#request = request;
    this.#config = config;
    this.#folder = run.folder;
    this.#parts = parts;
    this.#listener = listener;
    this.#poses = readPool('select', request.rig.task).slice(0, config.evaluation.episodes);
    const path = join(run.folder, 'evaluations.jsonl');
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    this.evaluations = lines.map((line) => evaluationSchema.parse(JSON.parse(line)));
    const last = this.evaluations.findLast(({ promoted }) => promoted);
    this.#deployed = last?.maxReward.map((reward) => reward >= MAX_REWARD);
    if (!last || !this.#deployed) return;
    this.#watch.begin(this.#deployed);
    for (const { maxReward } of this.log.entries.slice(last.rollouts, run.state.rollouts))
      if (this.#watch.add(maxReward >= MAX_REWARD)) this.#watch.begin(this.#deployed);
  }

  start(index: number): StartPose {
    const seed = FIRST_TRAINING_SEED + this.#config.seed * SEEDS_PER_RUN + index;
    return sampleStartPose(this.#request.rig.task, seed);
  }

  async checkpoint(state: RunState, loop: ReadonlyMap<string, Weight>): Promise<void> {
    const folder = join(this.#folder, 'checkpoints', checkpointName(state.rollouts));
    writeCheckpoint(folder, {
      ...this.#content(state),
      extra: {
        [RUN_FILE]: JSON.stringify(state),
        [ALGORITHM_FILE]: encodeSafetensors(this.#parts.algorithm?.state() ?? new Map()),
        [LOOP_FILE]: encodeSafetensors(loop),
      },
    });
    const old = checkpointSteps(join(this.#folder, 'checkpoints')).slice(0, -2);
    for (const step of old)
      rmSync(join(this.#folder, 'checkpoints', checkpointName(step)), { recursive: true, force: true });
  }

  async evaluate(state: RunState): Promise<void> {
    if (this.evaluations.some(({ rollouts }) => rollouts === state.rollouts)) return;
    const { trainer } = this.#parts.actor;
    const { optimizer } = trainer.learner;
    const weights = this.#config.actWith === 'average' ? optimizer.average : optimizer.weights;
    this.#parts.judgeFarm.publish({ version: state.rollouts, weights });
    const played = await this.#parts.judgeFarm.play(this.#poses);
    const outcomes = played.map(({ outcome }) => outcome.success);
    const verdict = this.#deployed
      ? judgeCandidate(this.#deployed, outcomes)
      : { promoted: true, reason: 'the policy to start from' };
    const deployment = verdict.promoted ? await this.#deploy(state, outcomes) : undefined;
    const successes = outcomes.filter(Boolean).length;
    const { low, high } = wilson(successes, outcomes.length);
    const evaluation: StoredEvaluation = {
      rollouts: state.rollouts,
      pool: 'select',
      successes,
      episodes: outcomes.length,
      wilson95: [low, high],
      maxReward: played.map((rollout: Rollout) => rollout.outcome.maxReward),
      finalReward: played.map((rollout: Rollout) => rollout.outcome.finalReward),
      promoted: verdict.promoted && deployment === undefined,
      reason: deployment ?? verdict.reason,
    };
    this.evaluations.push(evaluation);
    this.#append('evaluations.jsonl', evaluation);
    this.say(
      `after ${state.rollouts} roll-outs: ${successes} of ${outcomes.length} SELECT poses ` +
        `(${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)} %); ` +
        `${evaluation.promoted ? 'deployed' : 'not deployed'}: ${evaluation.reason}`,
    );
  }

  report(rollout: LoggedRollout, learning: LearningReport, state: RunState): void {
    const { index, maxReward, finalReward } = rollout;
    const success = maxReward >= MAX_REWARD;
    this.#append('metrics.jsonl', {
      rollout: index,
      maxReward,
      finalReward,
      success: state.stabiliser.success,
      ...learning,
      ...this.#parts.algorithm?.sizes,
    });
    if (this.#watch.add(success)) this.#rollBack();
    const sizes = this.#parts.algorithm?.sizes;
    this.#listener.onProgress(
      index + 1,
      this.#config.rollouts,
      `success ${(100 * state.stabiliser.success).toFixed(0)} %` +
        (sizes ? `, ${sizes.successes} successes and ${sizes.failures} failures kept` : ''),
    );
  }

  say(text: string): void {
    this.#append('events.jsonl', { at: new Date().toISOString(), text });
    this.#listener.onLine(text);
  }

  quarantine(path: string, reason: string): void {
    const folder = join(this.#folder, 'quarantine');
    try {
      mkdirSync(folder, { recursive: true });
      // Demonstrations and other runs' episodes are not ours to move.
      if (path.startsWith(join(this.#folder, 'episodes'))) renameSync(path, join(folder, basename(path)));
      writeFileSync(join(folder, `${basename(path)}.reason.txt`), `${reason}\n`);
    } catch {
      // It may be on a disk that cannot be written; it is left out all the same.
    }
    this.say(`${path} was set aside and is not learned from: ${reason}`);
  }

  isDone(): boolean {
    const { budgetS, target } = this.#request;
    const last = this.evaluations.at(-1);
    if (budgetS !== undefined && performance.now() - this.#began > budgetS * 1000) return true;
    return target !== undefined && last !== undefined && last.successes / last.episodes >= target;
  }

  finish(time: {
    readonly waitingMs: number;
    readonly learningMs: number;
    readonly playingMs: number;
  }): void {
    this.#append('events.jsonl', { at: new Date().toISOString(), time });
  }

  /** Returns why it was not deployed, if so. */
  async #deploy(state: RunState, outcomes: Outcomes): Promise<string | undefined> {
    const { trainer } = this.#parts.actor;
    const candidate = join(this.#folder, 'candidate');
    const content = this.#content(state);
    writeCheckpoint(candidate, content);
    if (this.#config.actWith === 'average') {
      const trained = await trainer.validate(this.#parts.goldenBatch);
      await verifyModel(content.model, this.#parts.start.config, this.#parts.golden, trained);
    }
    const latency = await medianLatencyMs(candidate);
    if (latency > LATENCY_LIMIT_MS) {
      rmSync(candidate, { recursive: true, force: true });
      return `too slow: ${latency.toFixed(1)} ms at the median, ${LATENCY_LIMIT_MS} ms allowed`;
    }
    deploy(this.#folder, candidate);
    this.#deployed = outcomes;
    this.#watch.begin(outcomes);
    return undefined;
  }

  #rollBack(): void {
    const deployed = join(this.#folder, 'deployed');
    this.#parts.actor.trainer.load(readTrainerState(deployed));
    this.#watch.begin(this.#deployed!);
    this.say(
      `success of the last roll-outs fell significantly below that of the deployed policy: its weights are back`,
    );
  }

  #content(state: RunState): CheckpointContent {
    const { actor, start } = this.#parts;
    const { learner } = actor.trainer;
    const weights = learner.copyWeights(this.#config.actWith);
    const { manifest, config } = start;
    return {
      manifest: {
        name: this.#config.name,
        task: manifest.task,
        architecture: { ...config },
        chunkSize: manifest.chunkSize,
        images: manifest.images,
        environmentStateSize: manifest.environmentStateSize,
        normalisation: manifest.normalisation,
        parent: manifest.name,
        provenance: {
          command: `alohad ${process.argv.slice(2).join(' ')}`,
          softwareVersion: version,
          rollouts: state.rollouts,
          algorithm: this.#config.algorithm,
          finetuning: this.#config,
          start: manifest.provenance,
        },
      },
      model: buildPolicyModel(config, weights),
      weights,
      state: actor.trainer.state(),
    };
  }

  /** A full disk loses a line of the diary, not the run. */
  #append(file: string, line: object): void {
    try {
      appendFileSync(join(this.#folder, file), `${JSON.stringify(line)}\n`);
    } catch (error) {
      if (!(error instanceof StorageError)) this.#listener.onLine(`cannot write ${file}: ${String(error)}`);
    }
  }
}

async function medianLatencyMs(folder: string): Promise<number> {
  const { InferenceClient } = await import('../policy/inferenceClient.js');
  const checkpoint = await loadCheckpoint(folder);
  const client = await InferenceClient.start(checkpoint, { threads: 1 });
  const state = new Float64Array(checkpoint.manifest.environmentStateSize);
  for (let run = 0; run < LATENCY_RUNS; run++) {
    client.submit(run, new Float64Array(checkpoint.manifest.normalisation.qpos.mean), state);
    client.wait();
  }
  const { p50Ms } = client.latency.summary();
  await client.close();
  return p50Ms;
}
