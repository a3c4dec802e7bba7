package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"cone/weights/pickle"
)

// zipEntry is a file in a zip.
type zipEntry struct {
	name    string
	content []byte
	deflate bool
}

// zipOf makes a zip of the entries.
func zipOf(t testing.TB, entries ...zipEntry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		method := zip.Store
		if e.deflate {
			method = zip.Deflate
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// torchOf makes a file whose pickle has this body, with a storage "0" of 24
// bytes.
func torchOf(t testing.TB, body string) []byte {
	t.Helper()
	return zipOf(t, zipEntry{name: "x/data.pkl", content: []byte("\x80\x02" + body + ".")},
		zipEntry{name: "x/data/0", content: make([]byte, 24)})
}

// tensorOf is the body of a dict with a tensor of storage "0".
func tensorOf(elements, offset int64, shape, strides pickle.Tuple) string {
	items := pickle.NewDict()
	items.Set("a", pickle.Call{
		Callee: pickle.Global{Module: "torch._utils", Name: "_rebuild_tensor_v2"},
		Arguments: pickle.Tuple{
			pickle.Persistent{ID: pickle.Tuple{"storage", pickle.Global{Module: "torch", Name: "FloatStorage"}, "0", "cpu", elements}},
			offset, shape, strides, false, pickle.OrderedDict(nil),
		},
	})
	b, err := pickle.Encode(items)
	if err != nil {
		panic(err)
	}
	return string(b[2 : len(b)-1])
}

func i64(n ...int64) (t pickle.Tuple) {
	for _, v := range n {
		t = append(t, v)
	}
	return t
}

// openBytes reads a file of these bytes, every tensor of it too. What it
// keeps alive and what it allocates must be within the file's size and the
// allowance for small files.
func openBytes(t testing.TB, data []byte) error {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := NewTorch(bytes.NewReader(data), int64(len(data)), "x.pth")
	if err == nil {
		for _, name := range f.Names() {
			if _, err = f.Read(name); err != nil {
				break
			}
		}
	}
	runtime.ReadMemStats(&after)
	// Slices grow by doubling, so twice the allowance may pass through.
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(3*budget(int64(len(data)))); got > most {
		t.Errorf("%d bytes were allocated for a file of %d", got, len(data))
	}
	if err != nil && strings.ContainsAny(err.Error(), "\n") {
		t.Errorf("%q is not one sentence", err)
	}
	return err
}

// TestTorchBad: what is wrong with a file is said in one sentence.
func TestTorchBad(t *testing.T) {
	good := tensorOf(6, 0, i64(2, 3), i64(3, 1))
	if err := openBytes(t, torchOf(t, good)); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("y", 1<<16)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"os.system":      {torchOf(t, "cos\nsystem\nX\x02\x00\x00\x00ls\x85R"), `"os.system", which is not on the list`},
		"posix.system":   {torchOf(t, "cposix\nsystem\nX\x02\x00\x00\x00ls\x85R"), "posix.system"},
		"builtins.eval":  {torchOf(t, "cbuiltins\neval\nX\x02\x00\x00\x00ls\x85R"), "builtins.eval"},
		"getattr":        {torchOf(t, "cbuiltins\ngetattr\n"), "builtins.getattr"},
		"torch.load":     {torchOf(t, "ctorch\nload\n"), "torch.load"},
		"own class":      {torchOf(t, "c__main__\nNet\n)\x81"), "__main__.Net"},
		"dotted":         {torchOf(t, "X\x05\x00\x00\x00torchX\x09\x00\x00\x00os.system\x93"), "torch.os.system"},
		"two lines":      {torchOf(t, "X\x04\x00\x00\x00a\nb\nX\x01\x00\x00\x00c\x93"), `"a\nb\n.c"`},
		"call of a dict": {torchOf(t, "})R"), "calls a dict"},
		"call of a type": {torchOf(t, "ctorch\nFloatStorage\n)R"), "torch.FloatStorage, which cannot be called"},
		"state":          {torchOf(t, "K\x01}b"), "gives a state to an int"},
		"inst":           {torchOf(t, "(ios\nsystem\n"), "opcode 0x69"},
		"ext":            {torchOf(t, "\x82\x01"), "opcode 0x82"},
		"buffer":         {torchOf(t, "\x97"), "opcode 0x97"},
		"no state":       {torchOf(t, "}"), "no network was found"},
		"a list":         {torchOf(t, "]"), "a list instead of a dict"},
		"empty stack":    {torchOf(t, ""), "never put down"},
		"no mark":        {torchOf(t, "}u"), "never put down"},
		"below mark":     {torchOf(t, "}(0R"), "never put down"},
		"no memo":        {torchOf(t, "h\x05"), "never remembered"},
		"unhashable":     {torchOf(t, "}]Ns"), "a key that is a list"},
		"odd items":      {torchOf(t, "}(Nu"), "1 keys and values"},
		"wide integer":   {torchOf(t, "\x8b\xff\xff\xff\x7f"), "integer of"},
		"protocol":       {torchOf(t, "\x80\x09"), "protocol 9"},
		"long text":      {torchOf(t, "X\xff\xff\xff\xff"), "more memory"},
		"longer text":    {torchOf(t, "\x8d\xff\xff\xff\xff\xff\xff\xff\xff"), "more memory"},
		"short text":     {torchOf(t, "X\x00\x00\x10\x00abc"), "cut off"},
		"bad text":       {torchOf(t, "X\x02\x00\x00\x00\xff\xfe"), "not UTF-8"},
		"long name":      {torchOf(t, "c"+long+"\nx\n"), "more than 256 bytes"},

		"negative shape":   {torchOf(t, tensorOf(6, 0, i64(-1), i64(1))), "negative dimension"},
		"negative stride":  {torchOf(t, tensorOf(6, 0, i64(2), i64(-1))), "outside its storage"},
		"negative offset":  {torchOf(t, tensorOf(6, -1, i64(2), i64(1))), "outside its storage"},
		"far offset":       {torchOf(t, tensorOf(6, 5, i64(2), i64(1))), "outside its storage"},
		"huge offset":      {torchOf(t, tensorOf(6, 1<<62, i64(2), i64(1))), "outside its storage"},
		"far stride":       {torchOf(t, tensorOf(6, 0, i64(2), i64(6))), "outside its storage"},
		"huge stride":      {torchOf(t, tensorOf(6, 0, i64(2, 3), i64(1<<62, 1<<62))), "outside its storage"},
		"huge shape":       {torchOf(t, tensorOf(6, 0, i64(1<<40, 1<<40), i64(0, 0))), "too large to count"},
		"repeats":          {torchOf(t, tensorOf(6, 0, i64(1<<20, 6), i64(0, 1))), "repeats the elements"},
		"overlaps itself":  {torchOf(t, tensorOf(6, 0, i64(4, 3), i64(1, 1))), "repeats the elements"},
		"ranks":            {torchOf(t, tensorOf(6, 0, i64(2, 3), i64(1))), "2 dimensions with 1 strides"},
		"lying storage":    {torchOf(t, tensorOf(600, 0, i64(600), i64(1))), "has 24 bytes, but the file says that it has 2400"},
		"huge storage":     {torchOf(t, tensorOf(1<<62, 0, i64(2), i64(1))), "too large to count"},
		"negative storage": {torchOf(t, tensorOf(-6, 0, i64(2), i64(1))), "without a type, key or size"},
		"missing storage": {zipOf(t, zipEntry{name: "x/data.pkl", content: []byte("\x80\x02" + good + ".")}),
			`storage "0" is missing`},

		"path":         {zipOf(t, zipEntry{name: "../../x/data.pkl"}), "path for a name"},
		"absolute":     {zipOf(t, zipEntry{name: "/x/data.pkl"}), "path for a name"},
		"backslash":    {zipOf(t, zipEntry{name: `..\x/data.pkl`}), "path for a name"},
		"inner path":   {zipOf(t, zipEntry{name: "x/data/../../y"}), "path for a name"},
		"twice":        {zipOf(t, zipEntry{name: "x/data.pkl"}, zipEntry{name: "x/data.pkl"}), "twice"},
		"two archives": {zipOf(t, zipEntry{name: "x/data.pkl"}, zipEntry{name: "y/data.pkl"}), "two data.pkl"},
		"no pickle":    {zipOf(t, zipEntry{name: "x/data/0"}), "without data.pkl"},
		"script":       {zipOf(t, zipEntry{name: "x/data.pkl"}, zipEntry{name: "x/constants.pkl"}), "TorchScript"},
		"byteorder":    {zipOf(t, zipEntry{name: "x/data.pkl"}, zipEntry{name: "x/byteorder", content: []byte("middle")}), "neither little nor big"},
		"zip bomb":     {zipOf(t, zipEntry{"x/data.pkl", []byte("\x80\x02" + good + "."), false}, zipEntry{"x/data/0", make([]byte, 64<<20), true}), "unpack to more than"},
		"pickle bomb":  {zipOf(t, zipEntry{"x/data.pkl", bytes.Repeat([]byte("}"), 32<<20), true}), "unpack to more than"},
		"empty zip":    {zipOf(t), "is not one"},

		"empty":         {nil, "is not one"},
		"text":          {[]byte("hello"), "is not one"},
		"bare pickle":   {[]byte("\x80\x02}."), "bare pickle"},
		"old tar":       {append(make([]byte, 257), "ustar\x00"...), "tar file"},
		"legacy only":   {legacyMagic, "cut off"},
		"legacy, wrong": {append(bytes.Clone(legacyMagic), "\x80\x02K\x05."...), "version is not 1001"},
	} {
		err := openBytes(t, c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "cannot read x.pth") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestTorchBombs: small pickles that would become large values.
func TestTorchBombs(t *testing.T) {
	body := func(s string) []byte { return torchOf(t, s) }
	doubling := "]q\x00"
	for i := range 60 { // billions of elements for who would walk them
		doubling += fmt.Sprintf("(h%ch%cl", i, i)
		doubling = strings.Replace(doubling, "l", "t", 1) + fmt.Sprintf("q%c", i+1)
	}
	for name, data := range map[string][]byte{
		"dicts":    body(strings.Repeat("}", 8<<20)),
		"marks":    body(strings.Repeat("(", 8<<20)),
		"tuples":   body(strings.Repeat("N", 100) + strings.Repeat("2\x85", 4<<20)),
		"memo":     body("}" + strings.Repeat("\x94", 8<<20)),
		"nested":   body(strings.Repeat("]", 4<<20) + strings.Repeat("a", 4<<20-1)),
		"copies":   body("(" + strings.Repeat("N", 1<<16) + "tq\x00" + strings.Repeat("h\x00\x85q\x01", 1<<16)),
		"sets":     body("cbuiltins\nset\nq\x01](" + strings.Repeat("N", 1<<16) + "eq\x00" + strings.Repeat("h\x01h\x00\x85R", 1<<16)),
		"bytes":    body("c_codecs\nencode\nq\x01X\x00\x00\x01\x00" + strings.Repeat("y", 1<<16) + "q\x00X\x06\x00\x00\x00latin1q\x02" + strings.Repeat("h\x01h\x00h\x02\x86R", 1<<16)),
		"doubling": body(doubling),
		"cycle":    body("}q\x00X\x05\x00\x00\x00modelh\x00s"),
	} {
		if err := openBytes(t, data); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestTorchLongList: a list of contents that outgrows its file is not read.
func TestTorchLongList(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("PK\x03\x04")
	const n = 1 << 16
	at := b.Len()
	for range n { // records of 46 bytes without names
		record := make([]byte, 46)
		copy(record, "PK\x01\x02")
		b.Write(record)
	}
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], n-1)
	binary.LittleEndian.PutUint16(end[10:], n-1)
	binary.LittleEndian.PutUint32(end[12:], uint32(b.Len()-at))
	binary.LittleEndian.PutUint32(end[16:], uint32(at))
	b.Write(end)
	if err := openBytes(t, b.Bytes()); err == nil || !strings.Contains(err.Error(), "list of contents is too long") {
		t.Errorf("got %v", err)
	}
}

// TestTorchOverlap: two entries that share bytes, as in bombs that repeat one.
func TestTorchOverlap(t *testing.T) {
	data := zipOf(t, zipEntry{name: "x/data.pkl", content: []byte("\x80\x02}.")}, zipEntry{name: "x/data/0", content: make([]byte, 64)}, zipEntry{name: "x/data/1", content: make([]byte, 64)})
	// The second storage's record in the list points at the first's header.
	first := bytes.LastIndex(data, []byte("x/data/0")) - 46
	second := bytes.LastIndex(data, []byte("x/data/1")) - 46
	copy(data[second+42:second+46], data[first+42:first+46])
	if err := openBytes(t, data); err == nil || !strings.Contains(err.Error(), "overlap") {
		t.Errorf("got %v", err)
	}
}

// TestTorchDamaged cuts files off at every byte and flips each one: never a
// crash, and never a wrong number without a word from a file with checksums.
func TestTorchDamaged(t *testing.T) {
	for _, name := range []string{"views-1", "legacy-1", "deflated-1"} {
		whole, err := os.ReadFile(filepath.Join("testdata", "torch", name+".pth"))
		if err != nil {
			t.Fatal(err)
		}
		for n := range whole {
			if err := openBytes(t, whole[:n]); err == nil && name != "legacy-1" {
				t.Errorf("%s cut off at %d is accepted", name, n)
			}
			damaged := bytes.Clone(whole)
			damaged[n] ^= 0x55
			openBytes(t, damaged)
		}
	}
	data := torchOf(t, tensorOf(6, 0, i64(2, 3), i64(3, 1)))
	at := bytes.Index(data, make([]byte, 24))
	data[at+3] ^= 1
	if err := openBytes(t, data); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a damaged number: %v", err)
	}
}

// TestTorchLying: sizes in a zip that are not those of its contents.
func TestTorchLying(t *testing.T) {
	good := []byte("\x80\x02" + tensorOf(6, 0, i64(2, 3), i64(3, 1)) + ".")
	for name, header := range map[string]*zip.FileHeader{
		"too long":  {Name: "x/data/0", Method: zip.Store, CompressedSize64: 1 << 40, UncompressedSize64: 1 << 40},
		"two sizes": {Name: "x/data/0", Method: zip.Store, CompressedSize64: 24, UncompressedSize64: 48},
		"method":    {Name: "x/data/0", Method: 12, CompressedSize64: 24, UncompressedSize64: 24},
		"encrypted": {Name: "x/data/0", Flags: 1, CompressedSize64: 24, UncompressedSize64: 24},
		"checksum":  {Name: "x/data/0", Method: zip.Store, CRC32: 5, CompressedSize64: 24, UncompressedSize64: 24},
		"shorter":   {Name: "x/data/0", Method: zip.Deflate, CompressedSize64: 24, UncompressedSize64: 24},
	} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.CreateRaw(&zip.FileHeader{Name: "x/data.pkl", CRC32: crc32.ChecksumIEEE(good), CompressedSize64: uint64(len(good)), UncompressedSize64: uint64(len(good))})
		if err != nil {
			t.Fatal(err)
		}
		w.Write(good)
		if w, err = z.CreateRaw(header); err != nil {
			t.Fatal(err)
		}
		w.Write(make([]byte, 24))
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := openBytes(t, b.Bytes()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestTorchRefused: what Python wrote that is no state of a network.
func TestTorchRefused(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "torch", "refused", "*.pth"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	wants := map[string]string{
		"system": `.system", which is not on the list`, "sneaky": `.system", which is not on the list`, "module": "torch.nn.modules.container.Sequential",
		"expanded": "repeats the elements", "numbers": "no network was found", "script": "TorchScript",
	}
	for _, path := range files {
		kind, _, _ := strings.Cut(filepath.Base(path), "-")
		_, err := OpenAny(path)
		if err == nil || !strings.Contains(err.Error(), wants[kind]) || wants[kind] == "" {
			t.Errorf("%s: %v, want %q", path, err, wants[kind])
		}
	}
}

// legacyOf makes an old file with a tensor of the given storage "0", whose
// count in front of its bytes may be another.
func legacyOf(elements int64, count uint64, bytes int) []byte {
	b := append([]byte{}, legacyMagic...)
	b = append(b, "\x80\x02M\xe9\x03.\x80\x02}.\x80\x02"+tensorOf(elements, 0, i64(elements), i64(1))+".\x80\x02]X\x01\x00\x00\x000a."...)
	return append(binary.LittleEndian.AppendUint64(b, count), make([]byte, bytes)...)
}

// TestTorchLegacyLying: an old file that says more than it has.
func TestTorchLegacyLying(t *testing.T) {
	if err := openBytes(t, legacyOf(6, 6, 24)); err != nil {
		t.Fatal(err)
	}
	for want, data := range map[string][]byte{
		"has 7 elements, but the file says that it has 6": legacyOf(6, 7, 28),
		`storage "0" reaches beyond its end`:              legacyOf(6, 6, 23),
		"reaches beyond its end; the file":                legacyOf(1<<40, 1<<40, 24),
		"the file may be cut off":                         legacyOf(6, 6, 24)[:len(legacyOf(6, 6, 24))-30],
	} {
		if err := openBytes(t, data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	// A list of storages that leaves one out, or names one twice.
	for want, list := range map[string]string{"is missing": "]", "twice": "](X\x01\x00\x00\x000X\x01\x00\x00\x000e", "has no tensor": "]X\x01\x00\x00\x001a"} {
		data := bytes.Replace(legacyOf(6, 6, 24), []byte("]X\x01\x00\x00\x000a"), []byte(list), 1)
		data = append(data, data[len(data)-32:]...)
		if err := openBytes(t, data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
