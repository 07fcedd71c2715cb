package helm

import (
	"maps"
	"reflect"
	"slices"
	texttemplate "text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
)

// volatileNames are the template functions whose result is another at each call.
var volatileNames = []string{
	"ago", "bcrypt", "encryptAES", "genCA", "genCAWithKey", "genPrivateKey", "genSelfSignedCert",
	"genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey", "htpasswd", "now", "randAlpha",
	"randAlphaNum", "randAscii", "randBytes", "randInt", "randNumeric", "shuffle", "uuidv4",
}

// anotherTime is how far ahead a probe's clock is: another year, month, day of the week, hour and second.
const anotherTime = (401*24+5)*time.Hour + 7*time.Minute + 11*time.Second

// recorder notes which volatile functions a render has called.
type recorder struct {
	called map[string]bool
}

// functions are Helm's own, which tell the recorder that they were called. Those whose result only had
// no order get one. A probe's clock is ahead, so that what depends on the time differs.
func (r *recorder) functions(isProbe bool) texttemplate.FuncMap {
	own := sprig.TxtFuncMap()
	if isProbe {
		own["now"] = func() time.Time { return time.Now().Add(anotherTime) }
		own["ago"] = func(any) string { return anotherTime.String() }
	}
	recorded := texttemplate.FuncMap{"keys": keys, "values": values}
	for _, name := range volatileNames {
		recorded[name] = r.wrap(name, own[name])
	}
	return recorded
}

func (r *recorder) wrap(name string, function any) any {
	call := reflect.ValueOf(function)
	return reflect.MakeFunc(call.Type(), func(arguments []reflect.Value) []reflect.Value {
		r.called[name] = true
		if call.Type().IsVariadic() {
			return call.CallSlice(arguments)
		}
		return call.Call(arguments)
	}).Interface()
}

// names returns the functions that were called, sorted.
func (r *recorder) names() []string {
	return slices.Sorted(maps.Keys(r.called))
}

// keys is sprig's, sorted: the order of Go's maps changes from call to call.
func keys(dictionaries ...map[string]any) []string {
	found := []string{}
	for _, dictionary := range dictionaries {
		found = append(found, slices.Sorted(maps.Keys(dictionary))...)
	}
	return found
}

// values is sprig's, in the order of the keys.
func values(dictionary map[string]any) []any {
	found := []any{}
	for _, name := range slices.Sorted(maps.Keys(dictionary)) {
		found = append(found, dictionary[name])
	}
	return found
}
