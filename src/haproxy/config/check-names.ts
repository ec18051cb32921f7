/** How the checks present themselves where the protocol has a place for it. */
export const CHECK_AGENT = 'agentmetal-health-check';
/** The name by which checks greet where the protocol asks for one. */
export const CHECK_HOST = 'localhost';
