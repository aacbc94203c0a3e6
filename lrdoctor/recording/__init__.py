"""What runs inside the user's own training process: it records every update, and can steer a trial.

Imported there and nowhere else but for `settings`: the standard library and the torch of that process, nothing else of
lrdoctor. What it writes is read by the process that started the command.
"""
