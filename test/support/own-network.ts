import { readFileSync } from 'node:fs';

/** Whether tests run as root in a network of their own, where addresses can be added and every port is free. */
export function hasOwnNetwork(): boolean {
  const interfaces = readFileSync('/proc/self/net/dev', 'utf8').trim().split('\n').length - 2;
  return process.getuid?.() === 0 && interfaces === 1;
}
