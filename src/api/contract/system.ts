import { z } from 'zod';
import { defineRoutes } from './route.ts';

export const systemRoutes = defineRoutes({
  getLiveness: {
    method: 'GET',
    path: '/healthz',
    tag: 'System',
    summary: 'Whether the process lives',
    description: 'Answers while the process can answer at all.',
    role: 'public',
    responses: {
      200: {
        description: 'It lives.',
        schema: z.strictObject({ status: z.literal('ok'), version: z.string() }),
      },
    },
  },
  getReadiness: {
    method: 'GET',
    path: '/readyz',
    tag: 'System',
    summary: 'Whether requests can be served',
    description: 'Looks whether the store answers.',
    role: 'public',
    responses: { 200: { description: 'It is ready.', schema: z.strictObject({ status: z.literal('ok') }) } },
  },
  getMetrics: {
    method: 'GET',
    path: '/metrics',
    tag: 'System',
    summary: 'Metrics for Prometheus',
    description: 'Counts of load balancers, backends and revisions; when agents were last seen.',
    role: 'public',
    responses: { 200: { description: 'Prometheus text.', schema: z.string(), contentType: 'text/plain' } },
  },
  getOpenApi: {
    method: 'GET',
    path: '/openapi.json',
    tag: 'System',
    summary: 'This document',
    description: 'OpenAPI 3.1.',
    role: 'public',
    responses: { 200: { description: 'The document.' } },
  },
  getDocs: {
    method: 'GET',
    path: '/docs',
    tag: 'System',
    summary: 'The API reference to read',
    description: 'Made from this document.',
    role: 'public',
    responses: { 200: { description: 'The page.', schema: z.string(), contentType: 'text/html' } },
  },
  getRoot: {
    method: 'GET',
    path: '/',
    tag: 'System',
    summary: 'Leads to the reference',
    description: 'Redirects to `/docs`.',
    role: 'public',
    responses: { 302: { description: 'To `/docs`.', headers: { Location: '`/docs`' } } },
  },
});
