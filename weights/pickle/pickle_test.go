package pickle

import (
	"bytes"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"
)

// open allows everything, and makes every call a list of its arguments.
func open(calls *int) Hooks {
	return Hooks{
		Find: func(module, name string) (*Class, error) {
			return &Class{Name: module + "." + name, Call: func(a Tuple) (any, error) { *calls++; return &List{Items: a}, nil }}, nil
		},
		Persistent: func(id any) (any, error) { return id, nil },
	}
}

func decode(data string, budget int64) (any, error) {
	calls := 0
	return Decode(bytes.NewReader([]byte(data)), budget, open(&calls))
}

// TestDecode reads what Python's pickle.dumps wrote at protocols 2 to 5.
func TestDecode(t *testing.T) {
	dict := NewDict()
	dict.Set("a", int64(1))
	dict.Set(int64(2), nil)
	for data, want := range map[string]any{
		"\x80\x02(X\x01\x00\x00\x00aK\x01\x86q\x00h\x00t.":                                        Tuple{Tuple{"a", int64(1)}, Tuple{"a", int64(1)}},
		"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01K\x02Nu.":                                     dict,
		"\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94K\x01K\x02Nu.":            dict,
		"\x80\x02](\x88\x89M\x00\x01J\xff\xff\xff\xffe.":                                          &List{Items: []any{true, false, int64(256), int64(-1)}},
		"\x80\x02\x8a\x01\xff.":                                                                   int64(-1),
		"\x80\x02\x8a\x00.":                                                                       int64(0),
		"\x80\x02\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.":                                       int64(-1 << 63),
		"\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.":                                   new(big.Int).Lsh(big.NewInt(1), 63),
		"\x80\x02G?\xf8\x00\x00\x00\x00\x00\x00.":                                                 1.5,
		"\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00C\x02\x00\xff\x94.":                          []byte{0, 255},
		"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8f\x94(K\x01K\x02\x90.":                    &List{Items: []any{int64(1), int64(2)}},
		"\x80\x04(K\x01\x91\x94.":                                                                 &List{Items: []any{int64(1)}},
		"\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00y\x94.":                                      []byte("y"),
		"\x80\x02U\x01yq\x00.":                                                                    "y",
		"\x80\x02X\x03\x00\x00\x00\xed\xb2\x80.":                                                  "\xed\xb2\x80",
		"\x80\x02K\x07(K\x01K\x021.":                                                              int64(7),
		"\x80\x02K\x0520.":                                                                        int64(5),
		"\x80\x02K\x05(0.":                                                                        int64(5),
		"\x80\x02cx\ny\nK\x01\x85R.":                                                              &List{Items: []any{int64(1)}},
		"\x80\x04\x8c\x01x\x8c\x01y\x93K\x01\x85\x81.":                                            &List{Items: []any{int64(1)}},
		"\x80\x02cx\ny\n(K\x01K\x02K\x03tR.":                                                      &List{Items: []any{int64(1), int64(2), int64(3)}},
		"\x80\x02X\x01\x00\x00\x00kQ.":                                                            "k",
		"\x80\x02]r\x00\x00\x01\x00j\x00\x00\x01\x00\x86.":                                        Tuple{&List{}, &List{}},
		"\x80\x04\x8d\x01\x00\x00\x00\x00\x00\x00\x00y\x8e\x01\x00\x00\x00\x00\x00\x00\x00z\x86.": Tuple{"y", []byte("z")},
	} {
		got, err := decode(data, 1<<16)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %#v, %v; want %#v", data, got, err, want)
		}
	}
}

func TestDecodeStopsAtTheEnd(t *testing.T) {
	r := bytes.NewReader([]byte("\x80\x02N.rest"))
	calls := 0
	if _, err := Decode(r, 1000, open(&calls)); err != nil || r.Len() != 4 {
		t.Errorf("%d bytes are left: %v", r.Len(), err)
	}
}

func TestFindDecides(t *testing.T) {
	refused := errors.New("not on the list")
	calls := 0
	h := open(&calls)
	h.Find = func(module, name string) (*Class, error) {
		if module+"."+name != "os.system" {
			t.Errorf("asked for %s.%s", module, name)
		}
		return nil, refused
	}
	for _, data := range []string{"cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", "\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R."} {
		if _, err := Decode(strings.NewReader(data), 1<<16, h); !errors.Is(err, refused) {
			t.Errorf("%q: %v", data, err)
		}
	}
	if calls > 0 {
		t.Error("something was called")
	}
}

// TestMarkIsAFloor: no opcode but those for marks reaches below one.
func TestMarkIsAFloor(t *testing.T) {
	for _, data := range []string{"cx\ny\n)(R.", "NN(\x86.", "}NN(s.", "]N(a.", "}(}b.", "N(2.", "N(."} {
		if _, err := decode("\x80\x02"+data, 1<<16); !errors.Is(err, errStack) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

func TestBudget(t *testing.T) {
	for _, data := range []string{"]2222222222222222.", "}}}}}}}}}}}}}}}}.", "((((((((((((((((.", "X\x00\x04\x00\x00" + strings.Repeat("y", 1024) + "."} {
		if _, err := decode("\x80\x02"+data, 500); !errors.Is(err, errBudget) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

// TestEncode: what Encode writes, Decode reads.
func TestEncode(t *testing.T) {
	dict := NewDict()
	dict.Set("a", Tuple{int64(1), int64(-1 << 40), 2.5, true, false, nil})
	dict.Set(int64(3), &List{Items: []any{"é"}})
	b, err := Encode(Tuple{dict, Call{Callee: Global{"x", "y"}, Arguments: Tuple{"z"}}, Persistent{Tuple{"k"}}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(string(b), 1<<16)
	want := Tuple{dict, &List{Items: []any{"z"}}, Tuple{"k"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, %v", got, err)
	}
	if _, err := Encode(struct{}{}); err == nil {
		t.Error("a struct was written")
	}
}

// FuzzDecode: no bytes crash the interpreter or make it call what it did not
// look up.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01K\x02Nu.",
		"\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94K\x01K\x02Nu.",
		"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nq\x00((X\x07\x00\x00\x00storageq\x01ctorch\nFloatStorage\nq\x02X\x01\x00\x00\x000q\x03X\x03\x00\x00\x00cpuq\x04K\x06tq\x05QK\x00K\x03K\x02\x86q\x06K\x02K\x01\x86q\x07\x89ccollections\nOrderedDict\nq\x08)Rq\x09tq\x0aRq\x0b.",
		"\x80\x02](K\x01M\x00\x01J\xff\xff\xff\xff\x8a\x01\xff\x8b\x01\x00\x00\x00\x01G?\xf8\x00\x00\x00\x00\x00\x00e.",
		"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.",
		"\x80\x05\x8f(\x88\x89N\x90(K\x01\x91\x87\x96\x01\x00\x00\x00\x00\x00\x00\x00yB\x01\x00\x00\x00zC\x01z.",
		"]]]]aaa2(0(1}h\x00j\x00\x00\x00\x00b.",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		calls, found := 0, 0
		h := open(&calls)
		find := h.Find
		h.Find = func(m, n string) (*Class, error) { found++; return find(m, n) }
		v, err := Decode(bytes.NewReader(data), 1<<20, h)
		if err == nil {
			Describe(v)
		}
		if calls > 0 && found == 0 {
			t.Fatal("a call without a look-up")
		}
	})
}
