// Judges a history of registers with Porcupine: the peer of the bench `peers`.
//
//	porcupine FILE
//
// The file is in the format that `stormglass` calls histgen: JSON lines of r, w and cas with keys. It prints `Ok`,
// `Illegal` or `Unknown`. A failed cas found another value than the one it asked for; what is never
// answered may take effect at any time, or never.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

type event struct {
	P    int             `json:"p"`
	Type string          `json:"type"`
	F    string          `json:"f"`
	K    int             `json:"k"`
	V    json.RawMessage `json:"v"`
}

type asked struct {
	f        string
	key      int
	from, to int
}

// Of an operation that was never answered, known is false.
type answered struct {
	known, failed bool
	value         int
}

var registers = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[int][]porcupine.Operation{}
		var order []int
		for _, operation := range history {
			key := operation.Input.(asked).key
			if _, seen := byKey[key]; !seen {
				order = append(order, key)
			}
			byKey[key] = append(byKey[key], operation)
		}
		var parts [][]porcupine.Operation
		for _, key := range order {
			parts = append(parts, byKey[key])
		}
		return parts
	},
	Init: func() interface{} { return 0 },
	Step: func(state, input, output interface{}) (bool, interface{}) {
		value, in, out := state.(int), input.(asked), output.(answered)
		switch in.f {
		case "r":
			return !out.known || out.value == value, value
		case "w":
			return true, in.to
		default:
			if !out.known {
				if value == in.from {
					return true, in.to
				}
				return true, value
			}
			if out.failed {
				return value != in.from, value
			}
			return value == in.from, in.to
		}
	},
}

func number(text json.RawMessage) int {
	var n int
	// null is what a register holds at first, 0.
	_ = json.Unmarshal(text, &n)
	return n
}

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	var history []porcupine.Operation
	open := map[int]int{}
	var now int64
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		now++
		switch e.Type {
		case "invoke":
			in := asked{f: e.F, key: e.K}
			if e.F == "cas" {
				var pair [2]int
				_ = json.Unmarshal(e.V, &pair)
				in.from, in.to = pair[0], pair[1]
			} else if e.F == "w" {
				in.to = number(e.V)
			}
			open[e.P] = len(history)
			history = append(history, porcupine.Operation{
				ClientId: e.P, Input: in, Call: now, Output: answered{}, Return: int64(1) << 62,
			})
		case "ok", "fail":
			at, there := open[e.P]
			if !there {
				continue
			}
			delete(open, e.P)
			out := answered{known: true, failed: e.Type == "fail"}
			if history[at].Input.(asked).f == "r" {
				out.value = number(e.V)
			}
			history[at].Output, history[at].Return = out, now
		}
	}
	answer, _ := porcupine.CheckOperationsVerbose(registers, history, time.Hour)
	fmt.Println(answer)
}
