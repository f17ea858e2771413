# What jaq leaves to the value type, and what must be bounded before it is done.
def totype(p; e): if p then . else fromjson | if p then . else e end end;
def tonumber : totype(isnumber ; error("cannot parse as number" ));
def toboolean: totype(isboolean; error("cannot parse as boolean"));
def transpose: [range([.[] | length] | max) as $i | [.[][$i]]];
def in(xs)    : . as $x | xs | has     ($x);
def inside(xs): . as $x | xs | contains($x);
def  index($i): indices($i)[ 0];
def rindex($i): indices($i)[-1];
def @json: tojson;

# What jq has and jaq has not.
def toarray: if isarray then . else [.] end;
def trimstr($s): ltrimstr($s) | rtrimstr($s);
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] |= $row);
def INDEX(f): INDEX(.[]; f);
def native_replaced($from; $to): split($from) | join($to);
def native_cell(f):
    if isstring then f
  elif . == null then ""
  elif isarray or isobject then error("cannot write an array or object as one cell")
  else tostring end;
def @csv: map(native_cell("\"" + native_replaced("\""; "\"\"") + "\"")) | join(",");
def native_tab_safe: native_replaced("\\"; "\\\\") | native_replaced("\t"; "\\t")
  | native_replaced("\n"; "\\n") | native_replaced("\r"; "\\r");
def @tsv: map(native_cell(native_tab_safe)) | join("\t");
def ascii: [.] | implode;

# As jq has them: all paths are found first, and the last is deleted first.
def native_delete($path):
  if (try getpath($path[:-1]) catch null) == null then . else getpath($path) |= empty end;
def delpaths($paths): reduce ($paths | sort | reverse[]) as $path (.; native_delete($path));
def del(f): delpaths([path(f)]);
def pick(f): . as $whole | reduce path(f) as $path (null; setpath($path; $whole | getpath($path)));
