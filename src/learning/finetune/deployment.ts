/**
 * Which policy is deployed. A new one must not be worse on the same poses, act as the network that was trained, and
 * answer in time; the one before stays for a rollback. When success falls significantly below what a deployed policy
 * promised, training goes back to it.
 */
import { renameSync, rmSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { storing } from '../../contract/systemError.js';
import { exactMcnemar } from '../evaluation/mcnemar.js';
import { hasFallenP } from '../evaluation/proportions.js';

/** Outcomes of a policy on a list of poses, in their order. */
export type Outcomes = readonly boolean[];

export interface Verdict {
  readonly promoted: boolean;
  readonly reason: string;
}

/** Roll-outs that a collapse is judged by, and how unlikely it must be as a coincidence. */
const WATCHED = 50;
const COLLAPSED_BELOW = 0.001;

/** Judges a candidate against the deployed policy on the same poses. */
export function judgeCandidate(deployed: Outcomes, candidate: Outcomes): Verdict {
  const won = candidate.filter((success, i) => success && !deployed[i]).length;
  const lost = candidate.filter((success, i) => !success && deployed[i]).length;
  const { oneSided } = exactMcnemar(lost, won);
  const reason =
    `${count(candidate)} of ${candidate.length} against ${count(deployed)}, ` +
    `${won} won and ${lost} lost, p(worse) = ${oneSided.toFixed(3)}`;
  return { promoted: won >= lost, reason };
}

/** Watches training roll-outs for a collapse since the last deployment. */
export class CollapseWatch {
  readonly #recent: boolean[] = [];
  #promised: Outcomes = [];

  /** A policy was deployed, or training went back to one. */
  begin(promised: Outcomes): void {
    this.#promised = promised;
    this.#recent.length = 0;
  }

  /** Adds an outcome; true when success has fallen significantly. */
  add(success: boolean): boolean {
    this.#recent.push(success);
    if (this.#recent.length > WATCHED) this.#recent.shift();
    if (this.#recent.length < WATCHED || this.#promised.length === 0) return false;
    const promised = { successes: count(this.#promised), trials: this.#promised.length };
    const recent = { successes: count(this.#recent), trials: WATCHED };
    return hasFallenP(promised, recent) < COLLAPSED_BELOW;
  }
}

/** Puts the checkpoint at `candidate` in place as `deployed`; the one before becomes `previous`. Throws StorageError. */
export function deploy(folder: string, candidate: string): void {
  const [deployed, previous] = [join(folder, 'deployed'), join(folder, 'previous')];
  storing(deployed, () => {
    if (existsSync(deployed)) {
      rmSync(previous, { recursive: true, force: true });
      renameSync(deployed, previous);
    }
    renameSync(candidate, deployed);
  });
}

const count = (outcomes: Outcomes): number => outcomes.filter(Boolean).length;
