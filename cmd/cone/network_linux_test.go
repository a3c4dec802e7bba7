package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// twoHosts makes two network namespaces with one cable between them, of 1 Gbit/s
// and 0.2 ms, and names them.
func twoHosts(t *testing.T) (a, b string) {
	t.Helper()
	for _, program := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s of iproute2", program)
		}
	}
	id := os.Getpid() % 100000
	a, b = fmt.Sprintf("conea%d", id), fmt.Sprintf("coneb%d", id)
	for _, name := range []string{a, b} {
		if err := command("ip", "netns", "add", name); err != nil {
			t.Skipf("network namespaces are not allowed here: %v", err)
		}
		t.Cleanup(func() {
			if err := command("ip", "netns", "del", name); err != nil {
				t.Error(err)
			}
		})
	}
	// The ends are made inside: nothing of the host's own network is touched.
	if err := command("ip", "link", "add", "eth0", "netns", a, "type", "veth", "peer", "name", "eth0", "netns", b); err != nil {
		t.Skipf("veth pairs are not allowed here: %v", err)
	}
	for i, name := range []string{a, b} {
		for _, args := range [][]string{
			{"-n", name, "link", "set", "lo", "up"},
			{"-n", name, "address", "add", fmt.Sprintf("10.213.7.%d/24", i+1), "dev", "eth0"},
			{"-n", name, "link", "set", "eth0", "up"},
		} {
			if err := command("ip", args...); err != nil {
				t.Fatal(err)
			}
		}
		// Half of the round trip's delay at each end.
		if err := command("tc", "-n", name, "qdisc", "add", "dev", "eth0", "root", "netem", "delay", "0.1ms", "rate", "1gbit"); err != nil {
			// Some kernels lack it; the cable can be cut all the same.
			t.Logf("the cable is as fast as the machine, for netem is not allowed here: %v", err)
		}
	}
	return a, b
}

// Two hosts on a real network train together; when the cable is cut, both sides
// end with a sentence.
func TestTwoHosts(t *testing.T) {
	a, b := twoHosts(t)
	dir := newWorkplace(t)
	onHost := func(host string, rank, port int, args ...string) *started {
		environ := []string{fmt.Sprintf("RANK=%d", rank), "WORLD_SIZE=2", "LOCAL_RANK=0", "MASTER_ADDR=10.213.7.1", fmt.Sprintf("MASTER_PORT=%d", port)}
		args = append([]string{"netns", "exec", host, filepath.Join(dir, "cone"), "train", "tiny.yaml", "--timeout", "5s"}, args...)
		ip, err := exec.LookPath("ip")
		if err != nil {
			t.Fatal(err)
		}
		return begin(t, dir, environ, ip, args...)
	}
	both := []*started{onHost(a, 0, 4001, "--out", "run"), onHost(b, 1, 4001, "--out", "run")}
	for rank, s := range both {
		if code := s.wait(t, patience); code != 0 {
			t.Fatalf("rank %d: exit code %d\n%s", rank, code, s.stderr.String())
		}
	}
	both = []*started{
		onHost(a, 0, 4002, "--set", "epochs=500", "--out", "cut"), onHost(b, 1, 4002, "--set", "epochs=500", "--out", "cut"),
	}
	until(t, both[0], func() bool { return stepsOf(filepath.Join(dir, "cut")) >= 3 })
	if err := command("ip", "-n", b, "link", "set", "eth0", "down"); err != nil {
		t.Fatal(err)
	}
	for rank, s := range both {
		if code := s.wait(t, patience); code != exitError {
			t.Errorf("rank %d: exit code %d", rank, code)
		}
		want := fmt.Sprintf(`cone: rank %d \(host .*\) (gave no sign of life|vanished)`, 1-rank)
		if !regexp.MustCompile(want).MatchString(s.stderr.String()) {
			t.Errorf("rank %d says\n%s\nwant %s", rank, s.stderr.String(), want)
		}
	}
}
