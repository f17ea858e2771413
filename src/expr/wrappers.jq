# Regular expressions, asked first whether looking for them ends soon enough.
def matches(re; flags): re as $re | flags as $flags
  | native_pattern($re) | native_matches($re; $flags);
def split_matches(re; flags): re as $re | flags as $flags
  | native_pattern($re) | native_split_matches($re; $flags);
def split_(re; flags): re as $re | flags as $flags
  | native_pattern($re) | native_split($re; $flags);
