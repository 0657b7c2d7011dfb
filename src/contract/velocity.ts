/** How fast a person lets the arms be, in a rig file and while they run. */
import { z } from 'zod';

/** [rad/s]; no servo is faster than pi, see control/limits.ts. */
export const velocitySchema = z.number().positive().max(Math.PI);
