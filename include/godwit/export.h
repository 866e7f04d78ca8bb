/* What every public header needs: visibility, C linkage, and the attributes that let a compiler check a caller. */
#ifndef GODWIT_EXPORT_H
#define GODWIT_EXPORT_H

#ifdef __cplusplus
#define GODWIT_BEGIN_DECLS extern "C" {
#define GODWIT_END_DECLS }
#else
#define GODWIT_BEGIN_DECLS
#define GODWIT_END_DECLS
#endif

#if defined(__GNUC__)
#define GODWIT_EXPORT __attribute__ ((visibility ("default")))
#define GODWIT_PRINTF(format_index, first) __attribute__ ((format (printf, format_index, first)))
#define GODWIT_MUST_USE __attribute__ ((warn_unused_result))
#else
#define GODWIT_EXPORT
#define GODWIT_PRINTF(format_index, first)
#define GODWIT_MUST_USE
#endif

#endif
