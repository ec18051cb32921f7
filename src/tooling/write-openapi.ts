/** Writes openapi.json at the root of the repository from the contract. */
import { writeFileSync } from 'node:fs';
import { renderOpenApi } from '../api/openapi.ts';

writeFileSync(new URL('../../openapi.json', import.meta.url), renderOpenApi());
