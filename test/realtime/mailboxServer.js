// The other side of mailbox.test.ts: checks that a request is of one piece and answers with its negative.
import { Mailbox, MAILBOX_BYTES } from '#alohad/realtime/mailbox.js';
import { parentPort, workerData } from 'node:worker_threads';

const mailbox = new Mailbox(workerData);
const data = new Float64Array(workerData, MAILBOX_BYTES);
let torn = 0;
while (mailbox.waitWhile('client') === 'server') {
  const value = data[0];
  for (let index = 0; index < data.length; index++) {
    if (data[index] !== value) torn++;
    data[index] = -value;
  }
  mailbox.handOver('server');
}
parentPort.postMessage({ torn, end: mailbox.turn() });
