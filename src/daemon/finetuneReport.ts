/** The report of a fine-tuning run: one page that is written at its end and can be written again from its folder. */
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MAX_REWARD } from '../contract/task.js';
import { storing } from '../contract/systemError.js';
import { type Curve, plotSvg } from '../imaging/plot.js';
import { exactMcnemar } from '../learning/evaluation/mcnemar.js';
import { clopperPearson } from '../learning/statistics.js';
import type { StoredEvaluation } from './finetuneRun.js';
import type { Fact, Html, Section } from './reportPage.js';
import { figures, folded, headline, link, page, paragraph, picture, raw, table } from './reportPage.js';
import type { Metrics, RunRecord } from './runRecord.js';
import { costOf, readRun } from './runRecord.js';

/** Failures of one kind, with a contact sheet of some. */
export interface FailureGroup {
  /** Such as `peg too high`. */
  readonly label: string;
  readonly count: number;
  /** PNG file. */
  readonly picture?: Uint8Array;
  /** Path of a film of one, in the run's folder. */
  readonly film?: string;
}

/** Roll-outs over which the share that came to a reward is taken. */
const WINDOW = 50;
const PLOT = { width: 560, height: 340, xLabel: 'roll-outs' } as const;

/**
 * Writes `report.html` into the folder of a run, or to `path`; returns where. Throws CheckpointError for a folder that
 * is no run, StorageError.
 */
export function writeReport(
  folder: string,
  failures: readonly FailureGroup[] = [],
  path = join(folder, 'report.html'),
): string {
  const html = reportOf(readRun(folder), failures);
  storing(path, () => writeFileSync(path, html));
  return path;
}

function reportOf(run: RunRecord, failures: readonly FailureGroup[]): string {
  const { config, metrics, events } = run;
  const last = events.at(-1)?.at.slice(0, 16).replace('T', ' ');
  const sections: Section[] = [
    { title: 'Outcome', parts: outcome(run) },
    { title: 'Learning curve', parts: learningCurve(run) },
    { title: 'Before and after, on the same poses', parts: samePoses(run) },
    { title: 'How far episodes came', parts: rewards(run) },
    { title: 'Critic', parts: critic(metrics) },
    { title: 'Policy', parts: policy(metrics) },
    { title: 'Failures', parts: failureParts(failures) },
    { title: 'Budget', parts: budget(run) },
    { title: 'What happened', parts: happenings(run) },
    { title: 'Settings', parts: settings(run) },
  ];
  const subtitle = `${config.algorithm}, seed ${config.seed}, ${metrics.length} roll-outs${last === undefined ? '' : `, as of ${last} UTC`}`;
  return page(`Fine-tuning: ${config.name}`, subtitle, sections);
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const rateOf = ({ successes, episodes }: StoredEvaluation): string =>
  `${successes} of ${episodes} (${percent(successes / episodes)})`;

/** The start policy's evaluation, and that of the policy deployed now. */
function beforeAndAfter({
  evaluations,
}: RunRecord): readonly [StoredEvaluation, StoredEvaluation] | undefined {
  const [before] = evaluations;
  const after = evaluations.findLast(({ promoted }) => promoted) ?? before;
  return before && after && [before, after];
}

function outcome(run: RunRecord): Html[] {
  const pair = beforeAndAfter(run);
  if (!pair) return [paragraph('The start policy was not evaluated yet.')];
  const [before, after] = pair;
  const interval = ({ successes, episodes }: StoredEvaluation) => {
    const { low, high } = clopperPearson(successes, episodes);
    return `95 % interval ${percent(low)} to ${percent(high)}`;
  };
  const start: Fact = [percent(before.successes / before.episodes), `start policy; ${interval(before)}`];
  if (before === after) return [headline([start, ['none', 'no better policy was deployed so far']])];
  const { twoSided, won, lost } = compare(before, after);
  return [
    headline([
      start,
      [
        percent(after.successes / after.episodes),
        `deployed, after ${after.rollouts} roll-outs; ${interval(after)}`,
      ],
      [`+${won} −${lost}`, `poses won and lost; p = ${twoSided.toPrecision(2)} (McNemar)`],
    ]),
    paragraph(
      `On ${after.episodes} poses of the ${after.pool.toUpperCase()} pool, by which policies are selected for ` +
        'deployment: the deployed policy’s rate is therefore a little too good. An unbiased one comes from ' +
        '`alohad trial --poses valid`.',
    ),
  ];
}

function learningCurve({ evaluations, metrics }: RunRecord): Html[] {
  const curves: Curve[] = [
    { name: 'roll-outs, running', points: pointsOf(metrics, 'success') },
    {
      name: 'evaluations, 95 % (Wilson)',
      marked: true,
      points: evaluations.map(({ rollouts, successes, episodes, wilson95: [low, high] }) => {
        return { x: rollouts, y: successes / episodes, low, high };
      }),
    },
  ];
  const rows = evaluations.map((evaluation) => [
    String(evaluation.rollouts),
    rateOf(evaluation),
    evaluation.wilson95.map(percent).join(' to '),
    evaluation.promoted ? 'deployed' : 'not deployed',
    evaluation.reason,
  ]);
  return [
    raw(plotSvg('Success', curves, { ...PLOT, width: 1060, yRange: [0, 1] })),
    table([['roll-outs', 'success', '95 % interval (Wilson)', '', 'why'], ...rows]),
  ];
}

function compare(before: StoredEvaluation, after: StoredEvaluation) {
  const solved = ({ maxReward }: StoredEvaluation) => maxReward.map((reward) => reward >= MAX_REWARD);
  const [first, second] = [solved(before), solved(after)];
  const kinds = first.map((was, i) => (was ? (second[i] ? 'both' : 'lost') : second[i] ? 'won' : 'neither'));
  const count = (kind: (typeof kinds)[number]) => kinds.filter((other) => other === kind).length;
  const [won, lost] = [count('won'), count('lost')];
  return { kinds, won, lost, both: count('both'), neither: count('neither'), ...exactMcnemar(won, lost) };
}

function samePoses(run: RunRecord): Html[] {
  const pair = beforeAndAfter(run);
  if (!pair || pair[0] === pair[1]) return [];
  const { kinds, won, lost, both, neither, twoSided, oneSided } = compare(...pair);
  const cells = kinds.map((kind, i) => `<i class="${kind}" title="pose ${i + 1}: ${kind}"></i>`).join('');
  const key = `<p class="key"><i class="both"></i>both<i class="won"></i>won<i class="lost"></i>lost<i class="neither"></i>neither</p>`;
  return [
    raw(`<div class="poses">${cells}</div>${key}`),
    table([
      ['', 'solved after', 'failed after'],
      ['solved before', String(both), `${lost} lost`],
      ['failed before', `${won} won`, String(neither)],
    ]),
    paragraph(
      `McNemar’s exact test: p = ${twoSided.toPrecision(3)} two-sided, ${oneSided.toPrecision(3)} that so much was won ` +
        'by chance.',
    ),
  ];
}

function rewards(run: RunRecord): Html[] {
  const { metrics } = run;
  const levels = Array.from({ length: MAX_REWARD }, (_, i) => i + 1);
  const curves = levels.map((level) => ({ name: `reward >= ${level}`, points: recentShare(metrics, level) }));
  const countOf = ({ maxReward }: StoredEvaluation, level: number) =>
    String(maxReward.filter((reward) => reward >= level).length);
  const pair = beforeAndAfter(run);
  const rows = (pair ?? []).map((evaluation, i) => [
    i === 0 ? 'start policy' : 'deployed',
    String(evaluation.episodes),
    ...levels.map((level) => countOf(evaluation, level)),
  ]);
  return [
    figures([plotSvg(`Share of the last ${WINDOW} roll-outs`, curves, { ...PLOT, yRange: [0, 1] })]),
    table([['evaluation', 'poses', ...levels.map((level) => `reward >= ${level}`)], ...rows]),
  ];
}

/** Share of the last roll-outs that came to `level`, after each. */
function recentShare(metrics: readonly Metrics[], level: number): { x: number; y: number }[] {
  const came = metrics.map(({ maxReward }) => (maxReward ?? 0) >= level);
  return metrics.map(({ rollout }, i) => {
    const recent = came.slice(Math.max(0, i + 1 - WINDOW), i + 1);
    return { x: rollout + 1, y: recent.filter(Boolean).length / recent.length };
  });
}

function critic(metrics: readonly Metrics[]): Html[] {
  const rates = plots(metrics, 'Judgements before they were learned, last 100', [0, 1], {
    'wrong sign': 'balancedError',
    'over-estimates failures': 'overEstimation',
    'under-estimates successes': 'underEstimation',
  });
  const scores = plots(metrics, 'AUC and Brier score', [0, 1], { AUC: 'auc', 'Brier score': 'brier' });
  const losses = plots(metrics, 'Loss of the critic', [0, 0.25], { loss: 'criticLoss' });
  const all = [...rates, ...scores, ...losses];
  return all.length === 0 ? [] : [figures(all)];
}

function policy(metrics: readonly Metrics[]): Html[] {
  const all = [
    ...plots(metrics, 'Drift and validation, L1 in standard deviations', [0, 0], {
      'from the start policy': 'drift',
      'from held-out demonstrations': 'validationL1',
      'from demonstrations, cloning': 'cloningL1',
    }),
    ...plots(metrics, 'Gradient norm', [0, 0], { 'before clipping': 'gradientNorm' }),
    ...plots(metrics, 'Loss of the actor', [0, 0], { loss: 'loss' }),
    ...plots(metrics, 'Share of its time spent waiting for samples', [0, 0.1], {
      learning: 'learningWait',
      cloning: 'cloningWait',
    }),
  ];
  return all.length === 0 ? [] : [figures(all)];
}

/** One plot of those series that have a value; none when none has. */
function plots(
  metrics: readonly Metrics[],
  title: string,
  yRange: readonly [number, number],
  series: Readonly<Record<string, string>>,
): string[] {
  const curves = Object.entries(series)
    .map(([name, key]) => ({ name, points: pointsOf(metrics, key) }))
    .filter(({ points }) => points.length > 0);
  return curves.length === 0 ? [] : [plotSvg(title, curves, { ...PLOT, yRange })];
}

/** Values by the number of roll-outs after which they stood. */
function pointsOf(metrics: readonly Metrics[], key: string): { x: number; y: number }[] {
  return metrics.flatMap((line) => {
    const y = line[key];
    return y === undefined || y === null ? [] : [{ x: line.rollout + 1, y }];
  });
}

function failureParts(failures: readonly FailureGroup[]): Html[] {
  if (failures.length === 0) return [];
  const total = failures.reduce((sum, { count }) => sum + count, 0);
  const rows = failures.map(({ label, count }) => [label, String(count), percent(count / total)]);
  const pictures = failures.flatMap(({ label, count, picture: png }) =>
    png ? [picture(png, `${label} (${count})`)] : [],
  );
  const films = failures.flatMap(({ label, film }) => (film === undefined ? [] : [{ label, film }]));
  return [
    paragraph('Of the last roll-outs of training, by the first thing that went wrong.'),
    table([['kind', 'episodes', 'share'], ...rows]),
    ...films.map(({ label, film }) => link(`failures/${basename(film)}`, `film of one: ${label}`)),
    ...pictures,
  ];
}

function budget(run: RunRecord): Html[] {
  const cost = costOf(run);
  const whole = (value: number) => value.toLocaleString('en-GB');
  return [
    table([
      ['', 'count', 'roll-outs'],
      ['training roll-outs', whole(cost.rollouts), whole(cost.rollouts)],
      ['branches, a quarter each', whole(cost.branches), whole(cost.branches / 4)],
      ['selection roll-outs', whole(cost.selection), whole(cost.selection)],
      ['all', '', whole(cost.total)],
    ]),
    table([
      ['', 'steps', 'time'],
      ['playing', '', duration(cost.playingS)],
      ['learning, actor', whole(cost.actorSteps), duration(cost.learningS)],
      ['learning, critic', whole(cost.criticSteps), 'with the actor'],
      ['cloning', whole(cost.cloningSteps), duration(cost.cloningS)],
      ['all, evaluations included', '', duration(cost.wallS)],
    ]),
  ];
}

function duration(seconds: number): string {
  if (seconds === 0) return '–';
  if (seconds < 90) return `${seconds.toFixed(0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function happenings({ events }: RunRecord): Html[] {
  const lines = events.flatMap(({ at, text }) =>
    text === undefined ? [] : [`${at.slice(0, 19).replace('T', ' ')}  ${text}`],
  );
  return lines.length === 0 ? [] : [folded(`${lines.length} lines`, lines.join('\n'))];
}

function settings({ config, events }: RunRecord): Html[] {
  const starts = events.flatMap(({ at, session }) =>
    session
      ? [[at.slice(0, 16).replace('T', ' '), String(session.from), session.version, session.command]]
      : [],
  );
  return [
    table([['started', 'at roll-out', 'alohad', 'command'], ...starts]),
    folded('all settings', JSON.stringify(config, null, 2)),
  ];
}
