/** How an experiment is to be run. */
export interface ExperimentOptions {
  /** Few and short rounds: whether it runs, not what it measures. */
  isQuick: boolean;
}
