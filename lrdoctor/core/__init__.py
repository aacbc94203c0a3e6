"""The vocabulary: values that every other part passes around. numpy only, no input or output."""
