package supervisor

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// children starts and kills processes of this same binary.
type children struct {
	logs  string
	spawn chan func()

	mu      sync.Mutex
	closing bool
	running map[string]*child
}

// child is one running process.
type child struct {
	name string
	pid  int
	// done is closed after the process has been reaped.
	done chan struct{}
	// killed says that we ended it ourselves.
	killed bool
}

// spec is what a child is started with.
type spec struct {
	name  string
	args  []string
	files []*os.File
	// line is called with each line the child writes on stdout.
	line func(string)
	// ended is called when the child ends without having been killed by us.
	ended func(error)
}

func newChildren(logs string) *children {
	c := &children{logs: logs, spawn: make(chan func()), running: map[string]*child{}}
	go c.runSpawner()
	return c
}

// runSpawner starts all processes from one thread that never ends: the kernel sends the parent-death
// signal when the thread that forked ends, not when the process does.
func (c *children) runSpawner() {
	runtime.LockOSThread()
	for start := range c.spawn {
		start()
	}
}

func (c *children) start(s spec) error {
	result := make(chan error)
	c.spawn <- func() { result <- c.startHere(s) }
	return <-result
}

func (c *children) startHere(s spec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return errAsked
	}
	if c.running[s.name] != nil {
		// A restart after a crash came later than a start that was asked for.
		return nil
	}
	log, err := os.OpenFile(c.logPath(s.name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("/proc/self/exe", s.args...)
	cmd.Args[0] = "localfleet"
	cmd.Env = append(os.Environ(), "GOGC=40")
	cmd.Dir = filepath.Dir(c.logs)
	cmd.Stderr = log
	cmd.ExtraFiles = s.files
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	running := &child{name: s.name, pid: cmd.Process.Pid, done: make(chan struct{})}
	c.running[s.name] = running
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			s.line(lines.Text())
		}
		c.reap(running, cmd, s.ended)
	}()
	return nil
}

func (c *children) reap(ch *child, cmd *exec.Cmd, ended func(error)) {
	err := cmd.Wait()
	c.mu.Lock()
	delete(c.running, ch.name)
	expected := ch.killed
	c.mu.Unlock()
	close(ch.done)
	if !expected {
		ended(fmt.Errorf("%s ended unexpectedly (%v):\n%s", ch.name, err, c.logTail(ch.name)))
	}
}

// kill ends one child and returns when it has been reaped. A child that is not running is fine.
func (c *children) kill(name string) {
	c.mu.Lock()
	ch := c.running[name]
	if ch != nil {
		ch.killed = true
		syscall.Kill(ch.pid, syscall.SIGKILL)
	}
	c.mu.Unlock()
	if ch != nil {
		<-ch.done
	}
}

func (c *children) killAll() {
	c.mu.Lock()
	c.closing = true
	var all []*child
	for _, ch := range c.running {
		ch.killed = true
		syscall.Kill(ch.pid, syscall.SIGKILL)
		all = append(all, ch)
	}
	c.mu.Unlock()
	for _, ch := range all {
		<-ch.done
	}
}

// pids returns the running processes by name.
func (c *children) pids() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	pids := map[string]int{}
	for name, ch := range c.running {
		pids[name] = ch.pid
	}
	return pids
}

func (c *children) logPath(name string) string { return filepath.Join(c.logs, name+".log") }

const tailLines = 8

func (c *children) logTail(name string) string {
	data, err := os.ReadFile(c.logPath(name))
	if err != nil {
		return err.Error()
	}
	lines := slices.Collect(strings.Lines(string(data)))
	return strings.Join(lines[max(0, len(lines)-tailLines):], "")
}
