import { z } from 'zod';

/** What a field of a patch may be: the value, a patch of it where it is an object, or null. */
type PatchField = z.ZodOptional<z.ZodNullable>;

/**
 * The schema of a merge patch (RFC 7396) of an object: every field may be left out, or be null for its default, and
 * objects inside are patches themselves. No field gets a default: what is left out stays.
 */
export function mergePatchOf<S extends z.core.$ZodLooseShape>(
  schema: z.ZodObject<S>,
): z.ZodObject<Record<keyof S & string, PatchField>> {
  const fields = Object.entries(schema.shape).map(([name, field]) => [
    name,
    patchField(field as z.ZodType)
      .nullable()
      .optional(),
  ]);
  return z.strictObject(Object.fromEntries(fields) as Record<keyof S & string, PatchField>);
}

function patchField(field: z.ZodType): z.ZodType {
  if (field instanceof z.ZodDefault || field instanceof z.ZodPrefault || field instanceof z.ZodOptional)
    return describedAs(field, patchField(field.unwrap() as z.ZodType));
  return field instanceof z.ZodObject ? describedAs(field, mergePatchOf(field)) : field;
}

function describedAs(from: z.ZodType, to: z.ZodType): z.ZodType {
  return to.description === undefined && from.description !== undefined ? to.describe(from.description) : to;
}
