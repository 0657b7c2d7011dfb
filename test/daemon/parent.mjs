// Starts a program of Node with a channel to it, as supervisors do, and is there to be killed.
import { fork } from 'node:child_process';

fork(process.argv[2], process.argv.slice(3));
