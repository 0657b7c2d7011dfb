// A daemon's place in the process tree: starts a learner, tells its process id, and is there to be killed.
import { defaultRig } from '#alohad/config/rig.js';
import { startLearner } from '#alohad/daemon/serve/learnerChild.js';

const [main, request] = process.argv.slice(2);
process.argv[1] = main;
const { pid } = startLearner(
  JSON.parse(request),
  defaultRig(),
  () => {},
  () => {},
);
process.stdout.write(`${pid}\n`);
