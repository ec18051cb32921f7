/** Runs work of the same name one after another, so that nothing is made and removed in the same moment. */
export type Turns = <T>(name: string, work: () => Promise<T>) => Promise<T>;

export function createTurns(): Turns {
  const turns = new Map<string, Promise<unknown>>();
  return (name, work) => {
    const done = (turns.get(name) ?? Promise.resolve()).then(work);
    const turn = done
      .catch(() => undefined)
      .finally(() => {
        if (turns.get(name) === turn) turns.delete(name);
      });
    turns.set(name, turn);
    return done;
  };
}
