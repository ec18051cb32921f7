/**
 * Remembers what a function made of an object, for as long as the object is there. For objects that are never changed
 * once they have been made, and results that nobody changes.
 */
export function memoized<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, { value: V }>();
  return (key) => {
    const present = known.get(key);
    if (present) return present.value;
    const value = make(key);
    known.set(key, { value });
    return value;
  };
}
