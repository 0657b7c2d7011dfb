/** What happens around the loop of a fine-tuning run: checkpoints, evaluations and deployments. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
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
import type { Divergence, RunHooks, RunState, RunTime } from '../learning/finetune/finetune.js';
import type { DiskPatience } from '../learning/finetune/diskPatience.js';
import type { FinetuneConfig } from '../learning/finetune/finetuneConfig.js';
import { type LoggedRollout, RolloutLog } from '../learning/finetune/rolloutLog.js';
import { openLines } from '../learning/jsonLines.js';
import { wilson } from '../learning/statistics.js';
import { verifyModel } from '../learning/verifyModel.js';
import type { Weight } from '../network/actParameters.js';
import { buildPolicyModel } from '../network/policyModel.js';
import { encodeSafetensors } from '../network/safetensors.js';
import { loadCheckpoint } from '../policy/checkpoint.js';
import { FIRST_TRAINING_SEED, readPool, sampleStartPose } from '../simulation/startPoses.js';
import { RunDiary } from './finetuneDiary.js';
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

export class FinetuneSession implements RunHooks {
  readonly log: RolloutLog;
  readonly evaluations: StoredEvaluation[];
  readonly #request: FinetuneRequest;
  readonly #config: FinetuneConfig;
  readonly #folder: string;
  readonly #parts: Parts;
  readonly #patience: DiskPatience;
  readonly #diary: RunDiary;
  readonly #listener: RunListener;
  /** Where this start of the run went on from. */
  readonly #from: number;
  readonly #poses: readonly StartPose[];
  readonly #began = performance.now();
  readonly #watch = new CollapseWatch();
  #deployed: Outcomes | undefined;

  constructor(
    request: FinetuneRequest,
    config: FinetuneConfig,
    run: OpenRun,
    parts: Parts,
    patience: DiskPatience,
    listener: RunListener,
  ) {
    this.log = run.log;
    this.#request = request;
    this.#config = config;
    this.#folder = run.folder;
    this.#parts = parts;
    this.#patience = patience;
    this.#listener = listener;
    this.#from = run.state.rollouts;
    this.#diary = new RunDiary(request, config, run, parts, patience, listener);
    patience.say = (text) => this.say(text);
    this.#poses = readPool('select', request.rig.task).slice(0, config.evaluation.episodes);
    const lines = openLines(join(run.folder, 'evaluations.jsonl'));
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
    const known = this.evaluations.find(({ rollouts }) => rollouts === state.rollouts);
    if (known) {
      if (state.rollouts > this.#from) this.#diary.plotEvaluation(known);
      return;
    }
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
      diagnostics: await this.#diary.diagnose(),
    };
    await this.#diary.evaluation(evaluation);
    this.evaluations.push(evaluation);
    this.say(
      `after ${state.rollouts} roll-outs: ${successes} of ${outcomes.length} SELECT poses ` +
        `(${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)} %); ` +
        `${evaluation.promoted ? 'deployed' : 'not deployed'}: ${evaluation.reason}`,
    );
  }

  async report(
    rollout: LoggedRollout,
    learning: LearningReport,
    state: RunState,
    time: RunTime,
  ): Promise<void> {
    await this.#diary.rollout(rollout, learning, state, time);
    if (this.#watch.add(rollout.maxReward >= MAX_REWARD)) this.#rollBack();
    const sizes = this.#parts.algorithm?.sizes;
    this.#listener.onProgress(
      rollout.index + 1,
      this.#config.rollouts,
      `of late ${(100 * state.stabiliser.success).toFixed(0)} % succeed` +
        (sizes ? `; replay of ${sizes.successes} successes and ${sizes.failures} failures` : ''),
    );
  }

  say(text: string): void {
    this.#diary.say(text);
  }

  get unreadable(): readonly string[] {
    return this.#diary.unreadable;
  }

  quarantine(path: string, reason: string, state: RunState): void {
    this.#diary.quarantine(path, reason, state);
  }

  diverged(divergence: Divergence): void {
    this.#diary.diverged(divergence);
  }

  async storing<T>(action: () => T | Promise<T>): Promise<T> {
    return await this.#patience.until(action);
  }

  isDone(): boolean {
    const { budgetS, target } = this.#request;
    const last = this.evaluations.at(-1);
    if (budgetS !== undefined && performance.now() - this.#began > budgetS * 1000) return true;
    return target !== undefined && last !== undefined && last.successes / last.episodes >= target;
  }

  finish(): void {
    this.#diary.finish();
  }

  /** Returns why it was not deployed, if so. */
  async #deploy(state: RunState, outcomes: Outcomes): Promise<string | undefined> {
    const { trainer } = this.#parts.actor;
    const candidate = join(this.#folder, 'candidate');
    const content = this.#content(state);
    await this.#patience.until(() => writeCheckpoint(candidate, content));
    if (this.#config.actWith === 'average') {
      const trained = await trainer.validate(this.#parts.goldenBatch);
      await verifyModel(content.model, this.#parts.start.config, this.#parts.golden, trained);
    }
    const latency = await medianLatencyMs(candidate);
    if (latency > LATENCY_LIMIT_MS) {
      rmSync(candidate, { recursive: true, force: true });
      return `too slow: ${latency.toFixed(1)} ms at the median, ${LATENCY_LIMIT_MS} ms allowed`;
    }
    await this.#patience.until(() => deploy(this.#folder, candidate));
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
        ...(manifest.residual && { residual: manifest.residual }),
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
