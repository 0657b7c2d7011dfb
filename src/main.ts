#!/usr/bin/env node
/** The command line's entry: parses, runs one verb, and turns named errors into one message and an exit code. */
import { CommanderError } from 'commander';
import { AlohadError, EXIT } from './contract/errors.js';
import { program } from './cli/program.js';

// onnxruntime sends usage data unless told not to, before any thread starts: threads copy the environment.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

try {
  await program().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has already printed; --help and --version are not failures.
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  } else if (error instanceof AlohadError) {
    process.stderr.write(`alohad: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else {
    process.stderr.write(
      `alohad: unexpected error, please report it\n${error instanceof Error ? error.stack : String(error)}\n`,
    );
    process.exitCode = EXIT.failed;
  }
}
