/** The same value with all equal parts the very same object, wherever they stand: what is kept by a part is put to the test. */
export function createInterning(): <T>(value: T) => T {
  const known = new Map<string, unknown>();
  const intern = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const text = JSON.stringify(value);
    if (!known.has(text))
      known.set(
        text,
        Array.isArray(value)
          ? value.map(intern)
          : Object.fromEntries(Object.entries(value).map(([name, part]) => [name, intern(part)])),
      );
    return known.get(text);
  };
  return <T>(value: T) => intern(value) as T;
}
