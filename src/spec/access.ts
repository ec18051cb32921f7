import { z } from 'zod';
import { cidrList } from './cidr.ts';

export const Access = z
  .strictObject({
    allow: cidrList(
      'Networks whose clients alone may come in; empty lets everyone in. Changes at run time. Default: none.',
    ),
    deny: cidrList(
      'Networks whose clients may not come in, even when `allow` names them. Changes at run time. Default: none.',
    ),
  })
  .describe(
    'Who may come in, by client address. Others get 403 (http) or have their connection closed (tcp).',
  );
export type Access = z.infer<typeof Access>;
