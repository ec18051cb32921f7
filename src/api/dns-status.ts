import { z } from 'zod';

export const DnsStatus = z
  .strictObject({
    domain: z.string().describe('The domain.'),
    zone: z
      .string()
      .optional()
      .describe('The DNS zone in which its records are made; absent where no zone of ours covers it.'),
    state: z
      .enum(['ok', 'pending', 'foreign', 'missing', 'no_zone'])
      .describe(
        '`ok`: it leads here. `pending`: it is being looked at, or no name server answers. `foreign`: there are records that are not ours, or that lead elsewhere; they are left alone. `missing`: the records are not there as wanted, because the provider of the zone did not make them. `no_zone`: it has no records, and no zone of ours covers it: somebody has to make them.',
      ),
    reason: z
      .enum(['Present', 'Pending', 'NotKnown', 'NotOurs', 'LeadsElsewhere', 'Failed', 'Missing'])
      .describe('Stable word for why; the condition `DnsRecords` has the worst of them.'),
    message: z.string().describe('The state in words.'),
    whatToDo: z.string().optional().describe('What to do, in words; absent when nothing is to be done.'),
    records: z
      .array(
        z.strictObject({
          type: z.enum(['A', 'AAAA', 'CNAME']),
          wanted: z.array(z.string()).describe('What there should be.'),
          seen: z
            .array(z.string())
            .optional()
            .describe('What was there at the last look; absent before one had an answer.'),
        }),
      )
      .describe('The records of each type that is wanted or was seen.'),
    make: z
      .array(z.string())
      .describe('The records that somebody has to make, as a zone file has them; empty when nobody has to.'),
    since: z.iso.datetime().describe('Since when it is in this state, RFC 3339.'),
  })
  .describe('How it stands with the DNS records of one domain.')
  .meta({
    examples: [
      {
        domain: 'app.example.com',
        state: 'no_zone',
        reason: 'Missing',
        message:
          'app.example.com has no address in DNS. Make this record: app.example.com. 60 IN A 203.0.113.5',
        whatToDo: 'Make this record: app.example.com. 60 IN A 203.0.113.5.',
        records: [{ type: 'A', wanted: ['203.0.113.5'], seen: [] }],
        make: ['app.example.com. 60 IN A 203.0.113.5'],
        since: '2026-11-23T04:00:00.000Z',
      },
    ],
  });
export type DnsStatus = z.infer<typeof DnsStatus>;
