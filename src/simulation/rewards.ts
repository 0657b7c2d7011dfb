/**
 * Reward rules of the two tasks, as a table over contacts; source: huggingface/gym-aloha tasks/sim.py.
 * Only one finger per arm counts: the left finger of the left arm and the right finger of the right arm.
 */
import { fingerGeomNames, type Names } from './sceneNames.js';
import type { TaskName } from '../contract/task.js';

/** Two geoms (or sets of geoms) whose contact matters. */
interface Touch {
  readonly a: readonly Names[];
  readonly b: readonly Names[];
}

/** What touches what at the end of a control step, by the names of the rule. */
export type Touching = Readonly<Record<string, boolean>>;

export interface RewardRule {
  readonly touches: Readonly<Record<string, Touch>>;
  reward(touching: Touching): number;
}

const PEG: readonly Names[] = [['red_peg']];
const SOCKET: readonly Names[] = [['socket-1'], ['socket-2'], ['socket-3'], ['socket-4']];
const PIN: readonly Names[] = [['pin']];
const BOX: readonly Names[] = [['red_box']];
const TABLE: readonly Names[] = [['table']];
const LEFT: readonly Names[] = [fingerGeomNames('left', 'left')];
const RIGHT: readonly Names[] = [fingerGeomNames('right', 'right')];

export const REWARD_RULES: Readonly<Record<TaskName, RewardRule>> = {
  insertion: {
    touches: {
      rightHoldsPeg: { a: RIGHT, b: PEG },
      leftHoldsSocket: { a: LEFT, b: SOCKET },
      pegOnTable: { a: PEG, b: TABLE },
      socketOnTable: { a: SOCKET, b: TABLE },
      pegInSocket: { a: PEG, b: SOCKET },
      pegAtPin: { a: PEG, b: PIN },
    },
    reward(t) {
      const lifted = !t.pegOnTable && !t.socketOnTable;
      if (t.pegAtPin) return 4;
      if (t.pegInSocket && lifted) return 3;
      if (t.leftHoldsSocket && t.rightHoldsPeg) return lifted ? 2 : 1;
      return 0;
    },
  },
  transfer_cube: {
    touches: {
      right: { a: RIGHT, b: BOX },
      left: { a: LEFT, b: BOX },
      onTable: { a: BOX, b: TABLE },
    },
    reward(t) {
      if (t.left) return t.onTable ? 3 : 4;
      if (t.right) return t.onTable ? 1 : 2;
      return 0;
    },
  },
};
