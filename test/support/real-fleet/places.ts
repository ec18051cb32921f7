import { VPC } from '../floating/network.ts';

/** Where the control plane and its backends are found. */
export const API = 'http://127.0.0.1:8080';
export const AGENT_LISTEN = `${VPC.backends}:8443`;
export const BACKENDS = [8001, 8002];
