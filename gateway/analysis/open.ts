/**
 * A value in the making, whose members are still assigned. Members that may be absent are not spread into a literal: in
 * Node 20 each that does not stand first costs a microsecond or more, and a part has a hundred of them.
 */
export type Open<Of> = { -readonly [Member in keyof Of]: Of[Member] }
