/* Instructions by step, under callgrind: where a Python function of another step begins or ends,
   the step until then is logged, and the instructions of each thread so far. */
#define Py_BUILD_CORE
#include <Python.h>
#include <internal/pycore_frame.h>
#include <valgrind/callgrind.h>

static PyObject *look_up;       /* returns the step of a code object; "" for none of its own */
static const char *background;  /* all that is called there belongs to it */
static Py_ssize_t slot;         /* of a code object, for its step */
static int is_on;
static const char LOOP[] = "event loop, interpreter";
static _Thread_local const char *here = LOOP;

static void go_on_in(const char *step)
{
    if (is_on && step != here) {
        VALGRIND_PRINTF("step: %s\n", here);
        VALGRIND_MONITOR_COMMAND("status internal");
    }
    here = step;
}

static const char *step_of(PyObject *code)
{
    void *step = NULL;
    _PyCode_GetExtra(code, slot, &step);
    if (step == NULL) {
        PyObject *type, *value, *trace;
        PyErr_Fetch(&type, &value, &trace);
        _PyCode_SetExtra(code, slot, "");  /* for the look-up's own */
        step = (void *)PyUnicode_AsUTF8(PyObject_CallOneArg(look_up, code));
        _PyCode_SetExtra(code, slot, step);
        PyErr_Restore(type, value, trace);
    }
    return step;
}

static PyObject *evaluate(PyThreadState *thread, _PyInterpreterFrame *frame, int throws)
{
    const char *before = here, *step = step_of((PyObject *)frame->f_code);
    go_on_in(*step && before != background ? step : before);
    PyObject *result = _PyEval_EvalFrameDefault(thread, frame, throws);
    go_on_in(before);
    return result;
}

void install(PyObject *function, PyObject *name)
{
    look_up = Py_NewRef(function);
    background = PyUnicode_AsUTF8(Py_NewRef(name));
    slot = _PyEval_RequestCodeExtraIndex(NULL);
    _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState_Get(), evaluate);
}

void start(void)
{
    is_on = 1;
    CALLGRIND_START_INSTRUMENTATION;
}
