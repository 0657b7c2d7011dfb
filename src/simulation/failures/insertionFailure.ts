/**
 * Why an insertion failed: the first thing that went wrong, told from where peg, socket and hands were.
 *
 * Grasped? Then: did the peg ever go in? If so, what stopped it where it was deepest. If not, how did it stand to the
 * socket when they first met. If they never met: was one dropped, or was there no time left.
 */
import type { Arm } from '../../contract/robot.js';
import type { Failure, Fit } from './failure.js';
import { ObjectTrack, type Played } from './objectTrack.js';
import { CLEARANCE_M, PEG_HALF, pegFit, PIN_DEPTH_M, SOCKET_HALF } from './pegFit.js';

/** In the order of `OBJECT_JOINTS`, each with the hand that takes it. */
const OBJECTS = [
  { name: 'peg', arm: 'right', half: PEG_HALF },
  { name: 'socket', arm: 'left', half: SOCKET_HALF },
] as const satisfies readonly { name: string; arm: Arm; half: unknown }[];

/** Reward of a peg that touches the socket, both lifted; see rewards.ts. */
const TOUCHING = 3;
/** A tip this far past the mouth is in [m], with so much more than the clearance for walls that give. */
const IN_M = 0.002;
const GIVE_M = 0.001;
/** Nearer to the axis than this a level peg meets no wall: it was not pushed [m]. */
const ON_AXIS_M = 0.004;
/** Held objects droop by a few degrees in every episode that succeeds; beyond this a grasp has slipped [rad]. */
const TILTED_RAD = (15 * Math.PI) / 180;

export function insertionFailure(episode: Played): Failure {
  const objects = OBJECTS.map(({ name, arm, half }, i) => {
    const track = new ObjectTrack(episode, i, half);
    return { name, arm, track, held: track.held(arm) };
  });
  const lastStep = episode.steps - 1;
  const missing = objects.filter(({ held }) => held === undefined);
  const [first] = missing;
  if (first) {
    const who = missing.map(({ name, arm }) => `the ${arm} hand never lifted the ${name}`).join(', ');
    return {
      kind: missing.length > 1 ? 'nothing grasped' : `${first.name} not grasped`,
      text: who,
      step: lastStep,
    };
  }

  const fits: { step: number; fit: Fit }[] = [];
  for (let step = 0; step < episode.steps; step++) {
    if (objects.every(({ track, arm }) => track.isHeld(step, arm)))
      fits.push({ step, fit: pegFit(objects[0]!.track.pose(step), objects[1]!.track.pose(step)) });
  }
  const lost = objects
    .filter(({ held }) => held!.last < lastStep)
    .sort((a, b) => a.held!.last - b.held!.last)
    .at(0);

  const deepest = fits
    .filter(({ fit }) => fit.depthM > IN_M && offsetM(fit) < CLEARANCE_M + GIVE_M)
    .sort((a, b) => b.fit.depthM - a.fit.depthM)
    .at(0);
  if (deepest) {
    const { step, fit } = deepest;
    const inside = `${millimetres(fit.depthM)} in, ${millimetres(Math.max(0, PIN_DEPTH_M - fit.depthM))} short of the pin`;
    if (fit.tiltRad > TILTED_RAD)
      return { kind: 'peg tilted', text: `peg tilted ${degrees(fit.tiltRad)}, ${inside}`, step, fit };
    if (lost) return { ...dropped(lost), fit };
    return { kind: 'peg short of the pin', text: `peg ${inside}`, step, fit };
  }

  // Rewards are of the state after the action: one step later than the poses.
  const met = fits.find(({ step, fit }) => fit.depthM >= 0 || (episode.reward[step - 1] ?? 0) >= TOUCHING);
  if (met) {
    const failure = misfit(met.step, met.fit);
    return lost ? { ...failure, text: `${failure.text}; ${lost.name} lost later` } : failure;
  }
  if (lost) return dropped(lost);
  const end = fits.at(-1);
  const distance = end ? `, ${millimetres(-end.fit.depthM)} between peg and socket` : '';
  return {
    kind: 'timed out before contact',
    text: `the time was over before contact${distance}`,
    step: lastStep,
    ...(end && { fit: end.fit }),
  };
}

/** How the peg missed the bore. */
function misfit(step: number, fit: Fit): Failure {
  const { highM, leftM, tiltRad } = fit;
  if (tiltRad > TILTED_RAD)
    return {
      kind: 'peg tilted',
      text: `peg tilted ${degrees(tiltRad)} to the socket, tip ${offsetText(fit)}`,
      step,
      fit,
    };
  if (offsetM(fit) < ON_AXIS_M)
    return { kind: 'peg short of the pin', text: 'peg at the mouth, not pushed in', step, fit };
  const vertical = Math.abs(highM) >= Math.abs(leftM);
  const side = vertical ? (highM > 0 ? 'high' : 'low') : leftM > 0 ? 'left' : 'right';
  return { kind: `peg ${side}`, text: `peg ${offsetText(fit)} of the axis`, step, fit };
}

function dropped({
  name,
  arm,
  held,
}: {
  readonly name: (typeof OBJECTS)[number]['name'];
  readonly arm: Arm;
  readonly held: { readonly last: number } | undefined;
}): Failure {
  const step = held!.last + 1;
  return {
    kind: `${name} dropped`,
    text: `the ${arm} hand lost the ${name} at ${(step / 50).toFixed(1)} s`,
    step,
  };
}

/** The bore is square: the larger of the two decides. */
const offsetM = ({ highM, leftM }: Fit): number => Math.max(Math.abs(highM), Math.abs(leftM));

/** The larger one first. */
function offsetText({ highM, leftM }: Fit): string {
  const vertical = `${millimetres(Math.abs(highM))} ${highM > 0 ? 'high' : 'low'}`;
  const sideways = `${millimetres(Math.abs(leftM))} ${leftM > 0 ? 'left' : 'right'}`;
  return Math.abs(highM) >= Math.abs(leftM) ? `${vertical}, ${sideways}` : `${sideways}, ${vertical}`;
}

const millimetres = (metres: number): string => `${(1000 * metres).toFixed(1)} mm`;
const degrees = (angle: number): string => `${((180 * angle) / Math.PI).toFixed(0)} deg`;
