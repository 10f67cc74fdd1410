import json
from typing import Any
import pytest
from openai import AsyncOpenAI
from gateway import simulator
from gateway.app import running_app
from gateway.config import simulated_by
from gateway.server import listening
from tests.serving import POLICY, config_of
T=[{"type":"function","function":{"name":"now"}},{"type":"function","function":{"name":"get","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]
@pytest.mark.parametrize("model",["gpt-5.6","gpt-5.4","gpt-6-sol"])
async def test_x(model):
    pol=POLICY
    import yaml
    doc=yaml.safe_load(pol) if isinstance(pol,str) else pol
    print(json.dumps(doc)[:1500])
    async with simulator.running() as sim:
        config=simulated_by(config_of(POLICY,{}), sim.base_urls)
        async with running_app(config, simulated=True, listeners=[]) as app, listening(app,"127.0.0.1",0) as server:
            async with AsyncOpenAI(base_url=f"http://127.0.0.1:{server.port}/v1",api_key="x",max_retries=0) as c:
                msgs=[{"role":"user","content":"[[sim: think]] [[sim: call now]] [[sim: call get]]"}]
                for kw in ({"reasoning_effort":"high"},{}):
                    a=await c.chat.completions.create(model="openai/"+model,messages=msgs,tools=T,**kw)
                    print(sim.requests[-1].path, a.choices[0].finish_reason, a.choices[0].message.to_dict())
                    h=[*msgs,a.choices[0].message.to_dict(),*({"role":"tool","tool_call_id":t.id,"content":"r"} for t in a.choices[0].message.tool_calls)]
                    b=await c.chat.completions.create(model="openai/"+model,messages=h,tools=T,**kw)
                    print(sim.requests[-1].path, b.choices[0].message.content)
                    s=await c.chat.completions.create(model="openai/"+model,messages=msgs,tools=T,stream=True,**kw)
                    print(len([x async for x in s]))
