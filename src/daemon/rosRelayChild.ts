/** Process entry: has ROS 2 for a control thread that drives arms through it. Ends with its parent. */
import { rosEnvironment } from '../config/environment.js';
import { RclnodejsPort } from '../ros/rclnodejsPort.js';
import { relay, type FromRelay, type ToRelay } from '../ros/relay.js';

const send = (message: FromRelay): void => {
  if (process.connected) process.send?.(message);
};
process.on('disconnect', () => process.exit());
// Ctrl-C goes to the whole group; the parent still has to take torque off.
process.on('SIGINT', () => {});
try {
  const port = await RclnodejsPort.open('alohad_robot', rosEnvironment());
  process.on('message', relay(port, send) satisfies (message: ToRelay) => void);
} catch (error) {
  send({ kind: 'unavailable', message: error instanceof Error ? error.message : String(error) });
  process.disconnect();
}
