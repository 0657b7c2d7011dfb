import { expect, it, vi } from 'vitest';
import { interruptible } from '#alohad/cli/interrupt.js';

it('takes a signal that comes twice at once for one press, and a later one for an order to end at once', async () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => {
    throw new Error('ended');
  });
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await interruptible(async (signal) => {
      // A terminal's own, and a launcher's.
      process.emit('SIGINT');
      process.emit('SIGINT');
      expect(signal.aborted).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect(() => process.emit('SIGINT')).toThrow('ended');
      expect(exit).toHaveBeenCalledWith(130);
    });
  } finally {
    vi.restoreAllMocks();
  }
});
