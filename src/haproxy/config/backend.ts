import { poolsOf } from '../../spec/load-balancer.ts';
import type { Algorithm, Pool } from '../../spec/pool.ts';
import type { ServiceModel } from '../model.ts';
import { backendCas, usesSystemCas } from './files.ts';
import { checkLines } from './health-check.ts';
import { CA_BACKEND, admissionBackend, failOpenBackend } from './names.ts';
import { quote } from './quote.ts';
import { reuseLines } from './reuse.ts';
import type { Section } from './section.ts';
import { isHashed, poolKeywords } from './server.ts';
import { standInStickyLines, stickyLines } from './sticky.ts';

/** The sections of all pools. */
export function backendSections(model: ServiceModel): Section[] {
  return [
    ...poolsOf(model.spec).flatMap(([name, pool]) => knownSections(model, name, pool)),
    ...caSections(model),
  ];
}

/** All that the sections of a pool depend on besides it. */
interface PoolPlace {
  name: string;
  type: ServiceModel['spec']['type'];
  id: string;
  directory: string;
}

const known = new WeakMap<Pool, PoolPlace & { sections: Section[] }>();

/** Of a thousand pools nearly all have the sections that they had before. */
function knownSections(model: ServiceModel, name: string, pool: Pool): Section[] {
  const { id, spec, layout } = model;
  const present = known.get(pool);
  if (present && isAt(present, { name, type: spec.type, id, directory: layout.directory }))
    return present.sections;
  const sections = poolSections(model, name, pool);
  known.set(pool, { name, type: spec.type, id, directory: layout.directory, sections });
  return sections;
}

function isAt(place: PoolPlace, { name, type, id, directory }: PoolPlace): boolean {
  return place.name === name && place.type === type && place.id === id && place.directory === directory;
}

/**
 * The sections of one pool: the one that serves, the one in which new members have their first check, and the one that
 * serves when every check fails, if it should.
 */
function poolSections(model: ServiceModel, name: string, pool: Pool): Section[] {
  const hasIpv6Target = pool.backends.some(({ target }) => target.startsWith('['));
  const balance = balanceLines(pool.algorithm);
  const check = checkLines(pool.healthCheck, hasIpv6Target);
  return [
    {
      header: `backend ${name}`,
      lines: [
        ...balance,
        ...reuseLines(model.spec.type, pool),
        ...stickyLines(model, name, pool.sticky),
        ...check,
        // Here and not on each server's line, because a server cannot be given another check at run time.
        ...defaultServer(poolKeywords(model, pool, true)),
      ],
    },
    { header: `backend ${admissionBackend(name)}`, lines: check },
    ...(pool.failOpen
      ? [
          {
            header: `backend ${failOpenBackend(name)}`,
            lines: [
              ...balance,
              ...reuseLines(model.spec.type, pool),
              ...standInStickyLines(model, name, pool.sticky),
              ...defaultServer(poolKeywords(model, pool, false)),
            ],
          },
        ]
      : []),
  ];
}

function defaultServer(keywords: string): string[] {
  return keywords === '' ? [] : [`default-server ${keywords}`];
}

/** The runtime API reads no files: a CA that a backend added at run time needs must have been read before. */
function caSections(model: ServiceModel): Section[] {
  const files = [
    ...(usesSystemCas(model) ? ['@system-ca'] : []),
    ...backendCas(model).map(({ path }) => quote(path)),
  ];
  if (files.length === 0) return [];
  return [
    {
      header: `backend ${CA_BACKEND}`,
      lines: files.map(
        (file, index) => `server ca${index} 127.0.0.1:1 disabled ssl verify required ca-file ${file}`,
      ),
    },
  ];
}

function balanceLines(algorithm: Algorithm): string[] {
  const method = algorithm.startsWith('header:') ? `hdr(${algorithm.slice('header:'.length)})` : algorithm;
  // Map-based hashing can take no servers at run time, and would move most clients when one comes or goes.
  return [`balance ${method}`, ...(isHashed(algorithm) ? ['hash-type consistent'] : [])];
}
