/** `alohad eval`: success of policies on a pool of start poses, with intervals, tests and what the failures were. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT, UsageError } from '../contract/errors.js';
import type { Comparison, EvaluatedPolicy, EvaluationResult } from '../daemon/evaluationResult.js';
import { interruptible } from './interrupt.js';
import { integer, number, rigOf, withRig, type RigOptions } from './options.js';
import { Progress } from './progress.js';
import { writeResult } from './resultFile.js';

interface EvalOptions extends RigOptions {
  policy: string;
  against?: string;
  pool: 'select' | 'valid' | 'test';
  episodes?: number;
  workers: number;
  mode?: 'ensemble' | 'chunk' | 'blend';
  decay?: number;
  every?: number;
  threads?: number;
  screen?: { p0: number; p1: number };
  openTest?: string;
  sheet?: string;
  videos?: string;
  failures?: string;
  compare?: string[];
  json?: string;
}

export function evalCommand(): Command {
  const command = new Command('eval').description(
    'count successes on a pool of start poses, name the failures',
  );
  return withRig(command)
    .option(
      '--policy <name|folder|script>',
      'a shipped policy, a checkpoint folder, or the scripted expert',
      'shipped',
    )
    .option('--against <name|folder|script>', 'another one on the same poses: exact McNemar test')
    .addOption(
      new Option('--pool <name>', 'select: to choose by; valid: to report; test: kept back, see --open-test')
        .choices(['select', 'valid', 'test'])
        .default('select'),
    )
    .option('--episodes <n>', 'the first n poses of the pool (default: all)', integer(1))
    .addOption(
      new Option('--mode <mode>', "how chunks become actions (default: the rig's)").choices([
        'ensemble',
        'chunk',
        'blend',
      ]),
    )
    .option('--decay <m>', 'temporal ensemble: w_i = exp(-m i), oldest first', number(-1, 1))
    .option('--every <n>', 'query the policy every n ticks (ensemble, blend)', integer(1, 100))
    .option('--threads <n>', 'threads of each inference session', integer(1, 64))
    .option('--workers <n>', 'worlds in parallel', integer(1, 64), 2)
    .option('--screen <p0,p1>', 'stop early: is the rate p1 or better, or p0 or worse? No estimate', screen)
    .option('--open-test <why>', 'opens the TEST poses; the reason is recorded in the result')
    .option('--sheet <file.png>', 'contact sheet of the failures')
    .option('--videos <folder>', 'a film of each failure (ffmpeg; an animated PNG without it)')
    .option('--failures <folder>', 'keep the episodes that failed')
    .option('--compare <files...>', 'two results of --json: McNemar from what is stored, nothing is played')
    .option('--json <file>', 'machine-readable result')
    .addHelpText(
      'after',
      `
Examples:
  $ alohad eval --policy runs/insertion/checkpoints/step_00006000 --pool valid --json valid.json
  $ alohad eval --policy runs/finetuned/deployed --against runs/finetuned/previous --mode chunk --sheet failures.png
  $ alohad eval --policy runs/candidate --screen 0.9,0.95
  $ alohad eval --compare before.json after.json`,
    )
    .action(async (options: EvalOptions) => {
      await (options.compare ? compareFiles(options, options.compare) : evaluateNow(options));
    });
}

async function evaluateNow(options: EvalOptions): Promise<void> {
  if (options.pool === 'test' && options.openTest !== undefined && options.json === undefined)
    throw new UsageError('--open-test is recorded in the result: give --json FILE');
  const { evaluate } = await import('../daemon/evaluation.js');
  let progress = new Progress('eval');
  const pictures = await interruptible((signal) =>
    evaluate(
      { ...options, rig: rigOf(options) },
      {
        onLine: (line) => {
          progress.onLine(line);
        },
        onProgress: (done, total, detail) => {
          progress.onProgress(done, total, detail);
        },
        onResult: (result) => {
          process.stdout.write(describe(result));
          if (options.json !== undefined) writeResult(options.json, result);
          if (result.interrupted) process.exitCode = EXIT.interrupted;
          progress = new Progress('draw');
        },
      },
      signal,
    ),
  );
  const wanted = options.sheet !== undefined || options.videos !== undefined;
  if (pictures.sheet !== null) process.stdout.write(`contact sheet of failures: ${pictures.sheet}\n`);
  else if (wanted && !pictures.interrupted && pictures.videos.length === 0)
    process.stdout.write('no failures, so no pictures of them\n');
  if (pictures.videos.length > 0)
    process.stdout.write(`${pictures.videos.length} videos of failures: ${options.videos}\n`);
  if (pictures.interrupted) {
    process.stdout.write('interrupted: not all failures were drawn\n');
    process.exitCode = EXIT.interrupted;
  }
}

async function compareFiles({ json }: EvalOptions, paths: readonly string[]): Promise<void> {
  const [first, second] = paths;
  if (first === undefined || second === undefined || paths.length > 2)
    throw new UsageError(`--compare takes two results, not ${paths.length}: --compare A.json B.json`);
  const { compareStored, readEvaluation } = await import('../daemon/evaluationResult.js');
  const [a, b] = [first, second].map((path) => ({ path, result: readEvaluation(path) }));
  const comparison = compareStored(a!, b!);
  const policies = [a!, b!].map(({ result }) => result.policies[0]!);
  const { pool, task } = a!.result;
  process.stdout.write(
    `${task}, ${pool.toUpperCase()} poses\n` +
      policies.map((policy, i) => `${paths[i]}: ${share(policy)}\n`).join('') +
      paired(comparison, [first, second]),
  );
  if (json !== undefined) writeResult(json, { first, second, ...comparison });
}

function describe(result: EvaluationResult): string {
  const {
    task,
    pool,
    asked,
    complete,
    interrupted,
    screen: screened,
    openTest,
    policies,
    comparison,
  } = result;
  const lines = [
    `${task}, ${pool.toUpperCase()} poses${openTest === null ? '' : `, opened for: ${openTest}`}`,
  ];
  for (const policy of policies) {
    const { mode, every } = policy.execution;
    lines.push(
      `${policy.policy} (${mode}${every === null ? '' : `, every ${every} ticks`}): ${share(policy)}`,
    );
    if (policy.played < asked && interrupted)
      lines.push(
        `  INTERRUPTED after ${policy.played} of ${asked} poses: this is not the result of the pool`,
      );
    const [r1, r2, r3, r4] = policy.reached;
    lines.push(
      `  reward >= 1, 2, 3, 4: ${r1}, ${r2}, ${r3}, ${r4}; 4 at the last step: ${policy.finalReward4}`,
    );
    for (const { kind, count } of policy.failures) lines.push(`  ${String(count).padStart(4)}  ${kind}`);
    if (policy.latencyMs)
      lines.push(
        `  inference latency p50 ${policy.latencyMs.p50.toFixed(1)} ms, p99 ${policy.latencyMs.p99.toFixed(1)} ms`,
      );
  }
  if (screened)
    lines.push(
      `screening ${screened.p0} against ${screened.p1}: ${VERDICT[screened.verdict]}; ${screened.note}`,
    );
  const text = `${lines.join('\n')}\n`;
  if (!comparison) return text;
  const [a, b] = policies.map(({ policy }) => policy);
  return text + paired(comparison, [a!, b!]) + (complete ? '' : '  only poses that both have played\n');
}

const VERDICT = {
  accept: 'accepted',
  reject: 'rejected',
  continue: 'interrupted before a verdict',
  undecided: 'undecided at the end of the poses',
} as const;

function share({ successes, played, rate, wilson95, clopperPearson95 }: EvaluatedPolicy): string {
  const counted = `${successes} of ${played} succeeded`;
  if (rate === null || !wilson95 || !clopperPearson95) return counted;
  return (
    `${counted}, ${percent(rate)} %, 95 %: Wilson ${percent(wilson95[0])} to ${percent(wilson95[1])} %, ` +
    `Clopper-Pearson ${percent(clopperPearson95[0])} to ${percent(clopperPearson95[1])} %`
  );
}

const paired = ({ poses, won, lost, twoSidedP }: Comparison, [a, b]: readonly [string, string]): string =>
  `on ${poses} common poses: ${won} solved by ${a} alone, ${lost} by ${b} alone; ` +
  `exact McNemar p = ${twoSidedP < 0.001 ? twoSidedP.toExponential(1) : twoSidedP.toFixed(3)} (two-sided)\n`;

const percent = (value: number): string => (100 * value).toFixed(1);

/** Two rates, the lower one first. */
function screen(text: string): { p0: number; p1: number } {
  const [p0, p1, ...rest] = text.split(',').map(Number);
  if (p0 === undefined || p1 === undefined || rest.length > 0 || !(p0 > 0 && p0 < p1 && p1 < 1))
    throw new InvalidArgumentError('expected two rates, 0 < P0 < P1 < 1, such as 0.9,0.95.');
  return { p0, p1 };
}
