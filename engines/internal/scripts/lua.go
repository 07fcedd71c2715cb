package scripts

import (
	"context"
	"encoding/json"
	"math"
	"math/big"
	"time"

	lua "github.com/yuin/gopher-lua"

	"trimtab.dev/engines/internal/worker"
)

type luaParams struct {
	Script        string          `json:"script"`
	Object        json.RawMessage `json:"object"`
	OpenLibraries bool            `json:"open_libraries"`
}

// luaRun runs a script with the object as global obj and returns what it returns. Nothing it can call
// reads a file, starts a program or leaves the process; memory is bounded by the worker's limit.
func luaRun(ctx context.Context, params luaParams) (any, error) {
	object, err := decode(params.Object)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	state := newState(params.OpenLibraries)
	defer state.Close()
	state.SetContext(ctx)
	state.SetGlobal("obj", toLua(state, object))
	if err := state.DoString(params.Script); err != nil {
		if ctx.Err() != nil {
			return nil, worker.Fail(worker.Timeout, "the Lua script ran for more than %v", timeLimit)
		}
		return nil, worker.Fail(worker.Render, "Lua: %v", err)
	}
	if state.GetTop() == 0 {
		return map[string]any{"result": nil}, nil
	}
	result, err := fromLua(state.Get(-1), 0)
	return map[string]any{"result": result}, err
}

// unsafeGlobals reach files or code outside of the script.
var unsafeGlobals = []string{"dofile", "loadfile", "collectgarbage", "_printregs"}

func newState(openLibraries bool) *lua.LState {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	libraries := []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
		{lua.OsLibName, openSafeOS},
	}
	if openLibraries {
		libraries = append(libraries, []struct {
			name string
			open lua.LGFunction
		}{{lua.StringLibName, lua.OpenString}, {lua.MathLibName, lua.OpenMath}}...)
	}
	for _, library := range libraries {
		state.Push(state.NewFunction(library.open))
		state.Push(lua.LString(library.name))
		state.Call(1, 0)
	}
	for _, name := range unsafeGlobals {
		state.SetGlobal(name, lua.LNil)
	}
	removeFileLoader(state)
	state.SetGlobal("print", state.NewFunction(func(*lua.LState) int { return 0 }))
	state.PreloadModule(lua.OsLibName, loadSafeOS)
	return state
}

// removeFileLoader leaves require with what is preloaded.
func removeFileLoader(state *lua.LState) {
	library, _ := state.GetGlobal(lua.LoadLibName).(*lua.LTable)
	if loaders, isTable := state.GetField(library, "loaders").(*lua.LTable); isTable {
		for index := loaders.Len(); index > 1; index-- {
			loaders.Remove(index)
		}
	}
}

var safeOS = map[string]lua.LGFunction{"time": osTime, "date": osDate}

func openSafeOS(state *lua.LState) int {
	state.Push(state.RegisterModule(lua.OsLibName, safeOS))
	return 1
}

func loadSafeOS(state *lua.LState) int {
	state.Push(state.SetFuncs(state.NewTable(), safeOS))
	return 1
}

// osTime returns the seconds of now, or of a table with year, month, day, hour, min and sec.
func osTime(state *lua.LState) int {
	if state.GetTop() == 0 || state.CheckAny(1) == lua.LNil {
		state.Push(lua.LNumber(time.Now().Unix()))
		return 1
	}
	fields := state.CheckTable(1)
	field := func(name string, fallback int) int {
		if number, isNumber := fields.RawGetString(name).(lua.LNumber); isNumber {
			return int(number)
		}
		return fallback
	}
	moment := time.Date(field("year", 1970), time.Month(field("month", 1)), field("day", 1),
		field("hour", 12), field("min", 0), field("sec", 0), 0, time.UTC)
	state.Push(lua.LNumber(moment.Unix()))
	return 1
}

// osDate formats a time in UTC: "!%Y-…" and "%Y-…" mean the same, "*t" a table.
func osDate(state *lua.LState) int {
	moment := time.Now().UTC()
	if state.GetTop() >= 2 {
		moment = time.Unix(state.CheckInt64(2), 0).UTC()
	}
	format := "%c"
	if state.GetTop() >= 1 {
		format = state.CheckString(1)
	}
	if len(format) > 0 && format[0] == '!' {
		format = format[1:]
	}
	if len(format) >= 2 && format[:2] == "*t" {
		state.Push(dateTable(state, moment))
		return 1
	}
	state.Push(lua.LString(formatTime(format, moment)))
	return 1
}

func dateTable(state *lua.LState, moment time.Time) *lua.LTable {
	table := state.NewTable()
	for name, value := range map[string]int{
		"year": moment.Year(), "month": int(moment.Month()), "day": moment.Day(), "hour": moment.Hour(),
		"min": moment.Minute(), "sec": moment.Second(), "wday": int(moment.Weekday()) + 1, "yday": moment.YearDay(),
	} {
		table.RawSetString(name, lua.LNumber(value))
	}
	table.RawSetString("isdst", lua.LFalse)
	return table
}

var timeVerbs = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'c': "Mon Jan _2 15:04:05 2006", 'd': "02", 'F': "2006-01-02",
	'H': "15", 'I': "03", 'm': "01", 'M': "04", 'p': "PM", 'S': "05", 'x': "01/02/06", 'X': "15:04:05", 'y': "06",
	'Y': "2006", 'z': "-0700", 'Z': "MST", 'T': "15:04:05",
}

func formatTime(format string, moment time.Time) string {
	var text []byte
	for index := 0; index < len(format); index++ {
		if format[index] != '%' || index+1 == len(format) {
			text = append(text, format[index])
			continue
		}
		index++
		if layout, known := timeVerbs[format[index]]; known {
			text = append(text, moment.Format(layout)...)
		} else {
			text = append(text, format[index])
		}
	}
	return string(text)
}

// toLua converts a JSON value; nulls vanish, as they do in a Lua table.
func toLua(state *lua.LState, value any) lua.LValue {
	switch typed := value.(type) {
	case bool:
		return lua.LBool(typed)
	case int:
		return lua.LNumber(typed)
	case float64:
		return lua.LNumber(typed)
	case *big.Int:
		approximate, _ := new(big.Float).SetInt(typed).Float64()
		return lua.LNumber(approximate)
	case string:
		return lua.LString(typed)
	case []any:
		table := state.CreateTable(len(typed), 0)
		for _, each := range typed {
			table.Append(toLua(state, each))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(typed))
		for name, each := range typed {
			table.RawSetString(name, toLua(state, each))
		}
		return table
	}
	return lua.LNil
}

const maxLuaDepth = 100

// fromLua converts a Lua value: a table with an entry 1 is a list, an empty one an empty list, any other
// a map.
func fromLua(value lua.LValue, depth int) (any, error) {
	switch typed := value.(type) {
	case lua.LBool:
		return bool(typed), nil
	case lua.LString:
		return string(typed), nil
	case lua.LNumber:
		return numberFromLua(float64(typed)), nil
	case *lua.LTable:
		if depth > maxLuaDepth {
			return nil, worker.Fail(worker.TooLarge, "a Lua table is nested too deep or contains itself")
		}
		return tableFromLua(typed, depth)
	}
	return nil, nil
}

func numberFromLua(number float64) any {
	if math.IsInf(number, 0) || math.IsNaN(number) {
		return nil
	}
	if whole := math.Trunc(number); whole == number && math.Abs(whole) < 1<<53 {
		return int64(whole)
	}
	return number
}

func tableFromLua(table *lua.LTable, depth int) (any, error) {
	first, _ := table.Next(lua.LNil)
	if first == lua.LNil || first.Type() == lua.LTNumber {
		list := make([]any, 0, table.Len())
		for index := 1; index <= table.Len(); index++ {
			element, err := fromLua(table.RawGetInt(index), depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, element)
		}
		return list, nil
	}
	object := map[string]any{}
	var failed error
	table.ForEach(func(key, value lua.LValue) {
		if failed == nil {
			object[key.String()], failed = fromLua(value, depth+1)
		}
	})
	return object, failed
}
